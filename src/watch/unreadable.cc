#include "watch/unreadable.h"

#include <cerrno>

#include "base/logging.h"
#include "log/damage.h"

namespace rstmdb::watch {
namespace {

bool is_lack(const Error& error) {
  const int64_t number = error.detail_number("errno", 0);
  return number == EMFILE || number == ENFILE || number == ENOMEM;
}

}  // namespace

Error unreadable_for(std::string_view reader, const Error& error) {
  if (error.code() == Code::kNotFound) return error;
  log_line(Level::kError, "the log cannot be read",
           {{"reader", reader}, {"error", error.to_string()}});
  if (is_lack(error))
    return Error(Code::kWalIoError, "the log cannot be read now").with("code", kLogUnreadable);
  return Error(Code::kWalIoError, "the log cannot be read").with("code", log::kLogDamaged);
}

}  // namespace rstmdb::watch
