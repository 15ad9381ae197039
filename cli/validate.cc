#include "validate.h"

#include "engine/definition.h"
#include "json/document.h"
#include "source_place.h"

namespace rstmdb::cli {

std::variant<ValidDefinition, DefinitionError> validate_definition(const std::string& text) {
  const auto refused = [](const Error& error) {
    return DefinitionError{error.message(), std::string(error.detail("path")),
                           error.detail_number("column", 0)};
  };
  json::Document document;
  const auto parsed = document.parse(text);
  if (!parsed.ok()) return refused(parsed.error());
  const auto definition = engine::Definition::parse(document.root());
  if (!definition.ok()) return refused(definition.error());
  const json::Value transitions = document.root()["transitions"];
  return ValidDefinition{definition->checksum(), definition->states().size(),
                         definition->events().size(), transitions.size()};
}

std::string show_definition_error(const JsonInput& source, const DefinitionError& error) {
  size_t byte = byte_of_path(source.text, error.path);
  const bool in_text = error.column > 0 && byte < source.text.size() && source.text[byte] == '"';
  if (in_text) byte = byte_in_string(source.text, byte, error.column);
  return show_place(source.name, source.text, byte);
}

}  // namespace rstmdb::cli
