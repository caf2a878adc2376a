#include "lurus/gateway.hpp"
