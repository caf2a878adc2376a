#pragma once
// JSON Schemas of what the log's routes answer, for the OpenAPI document.

#include <string>

namespace lurus::log {

/// With bodies.
std::string record_schema();
std::string records_schema(bool bodies, bool paged);
std::string usage_schema();
std::string statistics_schema();
std::string status_schema();

}  // namespace lurus::log
