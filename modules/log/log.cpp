#include "lurus/log.hpp"
