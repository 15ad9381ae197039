// protocol/vectors/definitions.json against the engine.
#include <gtest/gtest.h>

#include "engine/definition.h"
#include "protocol/contract.h"

namespace rstmdb::tests {
namespace {

Result<engine::Definition> parse_text(const std::string& text) {
  json::Document document;
  RSTMDB_TRY(document.parse(text));
  return engine::Definition::parse(document.root());
}

TEST(DefinitionVectors, CanonicalFormAndFaults) {
  json::Document document;
  read_contract(document, "vectors/definitions.json");
  size_t rows = 0;
  for (json::Value row = document.root()["definitions"].first(); row; row = row.next(), ++rows) {
    SCOPED_TRACE(text_of(row, "name"));
    const auto made = parse_text(text_of(row, "definition"));
    if (const json::Value error = row["error"]) {
      ASSERT_FALSE(made.ok());
      EXPECT_EQ(code_name(made.error().code()), text_of(error, "code"));
      EXPECT_TRUE(has_details(made.error(), error["details"]));
      continue;
    }
    ASSERT_TRUE(made.ok()) << made.error().to_string();
    EXPECT_EQ(made.value().canonical(), text_of(row, "canonical"));
    EXPECT_EQ(made.value().checksum(), text_of(row, "sha256"));
    const auto again = parse_text(made.value().canonical());
    ASSERT_TRUE(again.ok()) << "the canonical form is no definition";
    EXPECT_EQ(again.value().canonical(), made.value().canonical());
  }
  EXPECT_GT(rows, 80u);
}

}  // namespace
}  // namespace rstmdb::tests
