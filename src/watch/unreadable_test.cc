#include "watch/unreadable.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "log/damage.h"

namespace rstmdb::watch {
namespace {

Error failed_call(std::string_view call, int number) {
  return Error(Code::kWalIoError, "/data/wal/1.seg: a call has failed")
      .with("call", call)
      .with("errno", int64_t{number})
      .with("path", "/data/wal/1.seg");
}

TEST(Unreadable, WhatTheProcessLacksIsNoDamage) {
  for (const int number : {EMFILE, ENFILE, ENOMEM}) {
    const Error told = unreadable_for("a test", failed_call("open", number));
    EXPECT_EQ(told.code(), Code::kWalIoError);
    EXPECT_EQ(told.detail("code"), kLogUnreadable) << number;
  }
}

TEST(Unreadable, WrongBytesAFailedDiskAndALostFileAreDamage) {
  for (const Error& error : {log::log_damaged("/data/wal/1.seg", 7, "a sum"),
                             failed_call("read", EIO), failed_call("open", ENOENT),
                             Error(Code::kWalIoError, "a link does not lead to its record")}) {
    const Error told = unreadable_for("a test", error);
    EXPECT_EQ(told.code(), Code::kWalIoError);
    EXPECT_EQ(told.detail("code"), log::kLogDamaged) << error.to_string();
  }
}

TEST(Unreadable, TheOperatorLearnsTheFileAndWhoReadIt) {
  ::testing::internal::CaptureStderr();
  const Error told = unreadable_for("GET_HISTORY", failed_call("read", EIO));
  const std::string line = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(told.to_string().find("1.seg"), std::string::npos);
  EXPECT_NE(line.find("1.seg"), std::string::npos) << line;
  EXPECT_NE(line.find("GET_HISTORY"), std::string::npos) << line;
}

TEST(Unreadable, APlaceThatIsTrimmedStaysThat) {
  const Error gone = Error(Code::kNotFound, "gone").with("oldest_offset", int64_t{9});
  EXPECT_EQ(unreadable_for("a test", gone).to_string(), gone.to_string());
}

}  // namespace
}  // namespace rstmdb::watch
