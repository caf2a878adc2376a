#include "lurus/provider.hpp"
