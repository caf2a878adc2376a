#include "lurus/result.hpp"
