// The page and the example name exactly the keys, variables, defaults and bounds that the table
// has.
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "config/keys.h"
#include "config/yaml_tree.h"

namespace rstmdb::config {
namespace {

std::string content_of(const std::string& path) {
  std::ifstream file(std::string(RSTMDB_SOURCE_DIR) + "/" + path);
  EXPECT_TRUE(file.good()) << path;
  std::ostringstream all;
  all << file.rdbuf();
  return all.str();
}

/// The cells of the page's table rows that describe a key, by the key's name.
std::map<std::string, std::vector<std::string>> rows_of_page() {
  std::map<std::string, std::vector<std::string>> rows;
  std::istringstream page(content_of("docs/configuration.md"));
  const std::regex name("^`([a-z]+\\.[a-z_]+)`$");
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with("| `")) continue;
    std::vector<std::string> cells;
    for (size_t at = 2; at < line.size();) {
      const size_t end = line.find(" |", at);
      if (end == std::string::npos) break;
      cells.push_back(line.substr(at, end - at));
      at = end + 3;
    }
    std::smatch found;
    if (cells.empty() || !std::regex_match(cells[0], found, name)) continue;
    EXPECT_TRUE(rows.emplace(found[1], cells).second) << "twice: " << found[1];
  }
  return rows;
}

TEST(Pages, ThePageHasExactlyTheKeysWithVariableDefaultAndBounds) {
  auto rows = rows_of_page();
  for (const Key& key : keys()) {
    const auto row = rows.find(std::string(key.name));
    ASSERT_NE(row, rows.end()) << "docs/configuration.md lacks " << key.name;
    const std::vector<std::string>& cells = row->second;
    ASSERT_EQ(cells.size(), 5u) << key.name;
    const std::string variable = key.variable.empty() ? "–" : "`" + std::string(key.variable) + "`";
    EXPECT_EQ(cells[1], variable) << key.name;
    const std::string shown = show(key, Config());
    if (shown.empty() || shown == "0 hashes" || shown == "0 certificates")
      EXPECT_EQ(cells[2], "none") << key.name;
    else
      EXPECT_TRUE(cells[2] == "`" + shown + "`" || cells[2] == shown) << key.name << cells[2];
    if (key.most > 0) {
      const std::string bounds = std::to_string(key.least) + " to " + std::to_string(key.most);
      EXPECT_TRUE(cells[3].ends_with(bounds)) << key.name << ": " << cells[3];
    }
    rows.erase(row);
  }
  for (const auto& [name, cells] : rows) ADD_FAILURE() << "the page has unknown " << name;
}

TEST(Pages, TheExampleAsItStandsIsTheDefaults) {
  const auto example = read_settings(content_of("deploy/rstmdb.example.yaml"), "example", {});
  ASSERT_TRUE(example.ok()) << example.error().to_string();
  for (const Key& key : keys()) EXPECT_EQ(show(key, example->config), show(key, Config()));
}

TEST(Pages, TheExampleHasEveryKeyWithItsVariableAndBounds) {
  // Keys that have no default stand commented out: "  # key: value".
  std::string text = content_of("deploy/rstmdb.example.yaml");
  for (const Key& key : keys()) {
    if (!key.variable.empty()) {
      EXPECT_NE(text.find(key.variable), std::string::npos) << key.variable;
    }
    if (key.most > 0) {
      const std::string bounds = std::to_string(key.least) + " to " + std::to_string(key.most);
      EXPECT_NE(text.find(bounds), std::string::npos) << key.name << " " << bounds;
    }
  }
  text = std::regex_replace(text, std::regex("\n  # ([a-z_]+: [^ ]+)(?=\n)"), "\n  $1");
  const auto tree = parse_yaml(text, "example");
  ASSERT_TRUE(tree.ok()) << tree.error().to_string();
  std::set<std::string> found;
  for (size_t i = 0; i < tree->items.size(); ++i)
    for (const YamlNode& name : tree->items[i].names)
      found.insert(tree->names[i].text + "." + name.text);
  std::set<std::string> known;
  for (const Key& key : keys()) known.insert(std::string(key.name));
  EXPECT_EQ(found, known);
}

}  // namespace
}  // namespace rstmdb::config
