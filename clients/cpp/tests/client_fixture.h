// A fake server and clients of it, for the tests of this folder.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_server.h"
#include "rstmdb/client.h"

namespace rstmdb::client {

using fake::FakeServer;
using fake::Peer;
using fake::Received;
using namespace std::chrono_literals;

/// Short waits, so that what must fail fails soon.
inline Options options_for(const FakeServer& server) {
  Options options;
  options.port = server.port();
  options.connect_timeout = 3s;
  options.request_timeout = 30s;
  options.reconnect.initial_delay = 1ms;
  options.reconnect.max_delay = 20ms;
  return options;
}

inline Client connect_to(const FakeServer& server) {
  return Client::connect(options_for(server)).value();
}

/// Fails the test with the error's text.
#define ASSERT_RESULT(result) ASSERT_TRUE((result).ok()) << (result).error().to_string()
#define EXPECT_RESULT(result) EXPECT_TRUE((result).ok()) << (result).error().to_string()

}  // namespace rstmdb::client
