#pragma once
// How much of the limits is used.

#include <map>
#include <string>

#include "cli/cli.hpp"
#include "cli/table.hpp"

namespace lurus::cli {

/// The limits of each key, user, team or organisation, by its id.
Outcome<std::map<std::string, Json>> limits_by_id(Cli& cli, const std::string& subject,
                                                  std::map<std::string, std::string> query);
/// `$0.42 of 10 USD/day, 12 of 60 rpm`, red when one is used up, yellow from four fifths on.
Cell limits_cell(const Json& limits);

}  // namespace lurus::cli
