// A machine as a diagram: Mermaid (stateDiagram-v2) or Graphviz DOT.
#pragma once

#include <string>
#include <string_view>

#include "rstmdb/json.h"

namespace rstmdb::cli {

/// States with simple names keep them; others get an alias and are shown by their name. States
/// without a way out lead to the end mark.
std::string mermaid_text(const client::Json& definition);
/// `name` is the graph's title.
std::string dot_text(std::string_view name, const client::Json& definition);

}  // namespace rstmdb::cli
