#include "vendor/pch.hpp"
