#include "json/document.h"

namespace rstmdb::json {

std::string_view type_name(Type type) {
  switch (type) {
    case Type::kNull:
      return "null";
    case Type::kFalse:
    case Type::kTrue:
      return "boolean";
    case Type::kNumber:
      return "number";
    case Type::kString:
      return "string";
    case Type::kArray:
      return "array";
    case Type::kObject:
      return "object";
  }
  check_failed(__FILE__, __LINE__, "a Type", std::to_string(static_cast<int>(type)));
}

}  // namespace rstmdb::json
