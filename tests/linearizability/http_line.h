// A line through the HTTP door. It holds the server to what HTTP itself promises beside the
// operation: the status that belongs to the outcome, the ETag that repeats the offset, 304 for what
// has not changed (whose content it then takes from what it has seen, as a cache does), and ids and
// kinds of server-sent events that agree with what they carry.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

#include "json/document.h"
#include "linearizability/line.h"

namespace rstmdb::lin {

class HttpLine final : public Line {
 public:
  /// Of a connected socket, which becomes its own.
  HttpLine(int descriptor, uint16_t port);
  ~HttpLine() override;
  HttpLine(const HttpLine&) = delete;
  HttpLine& operator=(const HttpLine&) = delete;

  int descriptor() const override { return descriptor_; }
  bool has_unsent() const override { return !output_.empty(); }
  void queue(uint64_t id, std::string_view op, std::string_view params) override;
  void send() override { crash::send_some(descriptor_, output_); }
  Result<Link> receive(const Take& take, const Hear& hear) override;

 private:
  /// A request on its way; answers come in their order.
  struct Sent {
    uint64_t id;
    std::string target;  // of what may be asked for again with its tag; else ""
    std::string cached;  // what stands there as far as we know, when that was said
    bool if_match;
    int success;
    std::string_view tagged_by;
  };
  struct Seen {
    std::string tag;
    std::string body;
  };
  struct Answer;  // Beast's, which stays out of this header

  Result<void> take_bytes(const Take& take, const Hear& hear);
  Result<void> take_answer(const Take& take);
  Result<void> take_success(const Sent& sent, const std::string& body);
  Result<void> take_problem(const Sent& sent, int status, const std::string& body);
  Result<void> take_events(const Take& take, const Hear& hear);
  Result<void> take_event(std::string_view event, const Take& take, const Hear& hear);
  Error nonsense(std::string_view what) const;

  int descriptor_;
  std::string host_;
  std::string output_;
  std::string input_;
  std::string events_;  // of a stream, from the first one that is not whole yet
  std::deque<Sent> sent_;
  std::unordered_map<std::string, Seen> seen_;  // by target
  std::unique_ptr<Answer> answer_;
  json::Document document_;
};

}  // namespace rstmdb::lin
