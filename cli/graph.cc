#include "graph.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <vector>

#include "output.h"

namespace rstmdb::cli {
namespace {

using client::Json;

struct Arrow {
  std::string from;
  std::string to;
  std::string event;
  std::string guard;  // "" = none
};

struct Diagram {
  std::vector<std::string> states;
  std::string initial;
  std::vector<Arrow> arrows;
};

Diagram diagram_of(const Json& definition) {
  Diagram diagram;
  for (const Json& state : definition["states"].elements()) {
    diagram.states.emplace_back(state.string());
  }
  diagram.initial = definition["initial"].string();
  for (const Json& transition : definition["transitions"].elements()) {
    const Json from = transition["from"];
    const auto sources = from.is_array() ? from.elements() : std::vector<Json>{from};
    for (const Json& source : sources) {
      diagram.arrows.push_back(
          {std::string(source.string()), std::string(transition["to"].string()),
           std::string(transition["event"].string()), std::string(transition["guard"].string())});
    }
  }
  return diagram;
}

bool is_word(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

/// Names that Mermaid would take for its own words.
bool is_reserved(std::string text) {
  static constexpr std::array<std::string_view, 11> kWords = {
      "state", "note",  "end",  "as",       "direction", "class",
      "style", "click", "href", "classdef", "default"};
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return std::ranges::find(kWords, text) != kWords.end();
}

/// Text of a Mermaid label: what ends a label there or begins markup is written as #NN;.
std::string mermaid_label(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = is_word(std::string_view(&c, 1)) || byte >= 0x80 ||
                       std::string_view(" .-=!()[]>&+*/,'").find(c) != std::string_view::npos;
    out += plain ? std::string(1, c) : "#" + std::to_string(byte) + ";";
  }
  return out;
}

std::map<std::string, std::string> mermaid_names(const std::vector<std::string>& states) {
  const std::set<std::string> taken(states.begin(), states.end());
  std::map<std::string, std::string> names;
  size_t number = 0;
  for (const std::string& state : states) {
    std::string name = state;
    while (!is_word(name) || is_reserved(name) || (name != state && taken.contains(name))) {
      name = "s" + std::to_string(++number);
    }
    names[state] = name;
  }
  return names;
}

std::string dot_quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string arrow_label(const Arrow& arrow) {
  return arrow.guard.empty() ? arrow.event : arrow.event + " [" + arrow.guard + "]";
}

bool is_end(const Diagram& diagram, const std::string& state) {
  return std::ranges::find(diagram.arrows, state, &Arrow::from) == diagram.arrows.end();
}

}  // namespace

std::string mermaid_text(const Json& definition) {
  const Diagram diagram = diagram_of(definition);
  auto names = mermaid_names(diagram.states);
  std::string out = "stateDiagram-v2\n";
  for (const std::string& state : diagram.states) {
    if (names[state] == state) continue;
    out += "    state \"" + mermaid_label(state) + "\" as " + names[state] + "\n";
  }
  out += "    [*] --> " + names[diagram.initial] + "\n";
  for (const Arrow& arrow : diagram.arrows) {
    out += "    " + names[arrow.from] + " --> " + names[arrow.to] + " : " +
           mermaid_label(arrow_label(arrow)) + "\n";
  }
  for (const std::string& state : diagram.states) {
    if (is_end(diagram, state)) out += "    " + names[state] + " --> [*]\n";
  }
  return out;
}

std::string dot_text(std::string_view name, const Json& definition) {
  const Diagram diagram = diagram_of(definition);
  std::string out = "digraph " + dot_quote(name) + " {\n";
  out += "    rankdir=LR;\n    node [shape=box, style=rounded];\n";
  out += "    \"\" [shape=point];\n";
  for (const std::string& state : diagram.states) {
    out += "    " + dot_quote(state);
    out += is_end(diagram, state) ? " [peripheries=2];\n" : ";\n";
  }
  out += "    \"\" -> " + dot_quote(diagram.initial) + ";\n";
  for (const Arrow& arrow : diagram.arrows) {
    out += "    " + dot_quote(arrow.from) + " -> " + dot_quote(arrow.to) +
           " [label=" + dot_quote(arrow_label(arrow)) + "];\n";
  }
  return out + "}\n";
}

}  // namespace rstmdb::cli
