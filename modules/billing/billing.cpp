#include "lurus/billing.hpp"
