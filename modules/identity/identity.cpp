#include "lurus/identity.hpp"
