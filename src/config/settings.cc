// From text and environment to a Config: every value goes through the table of keys, one way for
// both sources.
#include <algorithm>

#include "config/keys.h"
#include "config/yaml_tree.h"

namespace rstmdb::config {
namespace {

using Kind = YamlNode::Kind;

bool is_scalar(const YamlNode& node) {
  return node.kind == Kind::kPlain || node.kind == Kind::kQuoted;
}

bool is_list(const Key::Place& place) {
  return std::holds_alternative<std::vector<TokenEntry>*>(place) ||
         std::holds_alternative<std::vector<CertificateEntry>*>(place);
}

class Reader {
 public:
  explicit Reader(std::string_view file) : file_(file), origins_(keys().size(), "default") {}

  Result<void> read_file(const YamlNode& root) {
    if (root.kind == Kind::kNull) return {};
    if (root.kind != Kind::kMap) return at(root, "", "the file is not a map of sections");
    for (size_t i = 0; i < root.items.size(); ++i)
      RSTMDB_TRY(read_section(root.names[i], root.items[i]));
    return {};
  }

  Result<void> read_environment(const Environment& environment) {
    for (const Key& key : keys()) {
      const auto found = key.variable.empty() ? environment.end() : environment.find(key.variable);
      if (found == environment.end()) continue;
      clear_list(key);
      const auto done = assign(key, config_, found->second);
      if (!done)
        return Error(Code::kBadRequest, std::string(key.variable) + ": the value for " +
                                            std::string(key.name) + " " + done.error().message())
            .with("variable", key.variable)
            .with("key", key.name);
      origin(key) = key.variable;
    }
    return {};
  }

  Loaded take() {
    config_.http.address_chosen = origin(*find_key("http", "bind_addr")) != "default";
    Loaded loaded{config_, {}, {}};
    for (const Key& key : keys())
      loaded.settings.push_back({std::string(key.name), show(key, config_), origin(key)});
    return loaded;
  }

 private:
  Error at(const YamlNode& node, std::string_view key, const std::string& what) const {
    Error error = error_at(file_, node.line, node.column, what);
    return key.empty() ? std::move(error) : std::move(error).with("key", key);
  }

  Error unknown(const YamlNode& name, std::string_view section) const {
    std::string full(section);
    if (!full.empty()) full += '.';
    full += name.text;
    std::string what = full + (section.empty() ? " is not a known section" : " is not a known key");
    const std::string nearest = nearest_name(section, name.text);
    if (!nearest.empty()) what += "; did you mean " + nearest + "?";
    return at(name, full, what);
  }

  Result<void> read_section(const YamlNode& name, const YamlNode& content) {
    if (!is_section(name.text)) return unknown(name, "");
    if (content.kind == Kind::kNull) return {};  // a section whose keys are all commented out
    if (content.kind != Kind::kMap)
      return at(content, name.text, name.text + " is not a map of keys");
    for (size_t i = 0; i < content.items.size(); ++i) {
      const Key* key = find_key(name.text, content.names[i].text);
      if (key == nullptr) return unknown(content.names[i], name.text);
      RSTMDB_TRY(read_key(*key, content.names[i], content.items[i]));
      origin(*key) = std::string(file_) + ':' + std::to_string(content.names[i].line);
    }
    return {};
  }

  Result<void> read_key(const Key& key, const YamlNode& name, const YamlNode& value) {
    if (value.kind == Kind::kNull)
      return at(name, key.name, std::string(key.name) + " has no value");
    const Key::Place place = key.place(config_);
    if (std::holds_alternative<FsyncPolicy*>(place) && value.kind == Kind::kMap)
      return read_policy(key, value);
    if (is_list(place)) return read_list(key, value);
    if (!is_scalar(value))
      return at(value, key.name, std::string(key.name) + " is not a single value");
    const bool quotes_fit = std::holds_alternative<std::string*>(place);
    if (value.kind == Kind::kQuoted && !quotes_fit && !std::holds_alternative<Level*>(place) &&
        !std::holds_alternative<LogFormat*>(place) &&
        !std::holds_alternative<FsyncPolicy*>(place) &&
        !std::holds_alternative<OnLogFailure*>(place))
      return at(value, key.name, std::string(key.name) + " is a text in quotes; write it without");
    if (std::holds_alternative<FsyncPolicy*>(place) && value.text.contains(':'))
      return at(value, key.name,
                std::string(key.name) + " with an amount is written {every_n: N} or {every_ms: N}");
    return set(key, value, value.text);
  }

  Result<void> read_policy(const Key& key, const YamlNode& map) {
    if (map.items.size() != 1 || map.items[0].kind != Kind::kPlain)
      return at(map, key.name, std::string(key.name) + " is not {every_n: N} or {every_ms: N}");
    return set(key, map.items[0], map.names[0].text + ":" + map.items[0].text);
  }

  Result<void> read_list(const Key& key, const YamlNode& list) {
    if (list.kind != Kind::kList)
      return at(list, key.name, std::string(key.name) + " is not a list");
    for (const YamlNode& item : list.items) {
      if (!is_scalar(item))
        return at(item, key.name, std::string(key.name) + " has an element that is no text");
      RSTMDB_TRY(set(key, item, item.text));
    }
    return {};
  }

  Result<void> set(const Key& key, const YamlNode& value, std::string_view text) {
    const auto done = assign(key, config_, text);
    if (!done) return at(value, key.name, std::string(key.name) + " " + done.error().message());
    return {};
  }

  void clear_list(const Key& key) {
    const Key::Place place = key.place(config_);
    if (auto* const* tokens = std::get_if<std::vector<TokenEntry>*>(&place)) (*tokens)->clear();
    if (auto* const* all = std::get_if<std::vector<CertificateEntry>*>(&place)) (*all)->clear();
  }

  std::string& origin(const Key& key) {
    return origins_[static_cast<size_t>(&key - keys().data())];
  }

  std::string_view file_;
  Config config_;
  std::vector<std::string> origins_;  // as keys()
};

}  // namespace

Result<Loaded> read_settings(std::string_view text, std::string_view file,
                             const Environment& environment) {
  if (text.size() > limits::kConfigBytesMax)
    return Error(Code::kBadRequest, std::string(file) + ": the file is larger than " +
                                        std::to_string(limits::kConfigBytesMax) + " bytes")
        .with("file", file)
        .with("line", int64_t{0});
  RSTMDB_ASSIGN(const YamlNode root, parse_yaml(text, file));
  Reader reader(file);
  RSTMDB_TRY(reader.read_file(root));
  RSTMDB_TRY(reader.read_environment(environment));
  return reader.take();
}

}  // namespace rstmdb::config
