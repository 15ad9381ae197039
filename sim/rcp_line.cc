#include "json/writer.h"
#include "line.h"

namespace rstmdb::sim {
namespace {

constexpr size_t kFrameBytesMax = size_t{1} << 26;

class RcpLine final : public Line {
 public:
  explicit RcpLine(wire::Dialect dialect) : dialect_(dialect), frames_(dialect, kFrameBytesMax) {}

  void ask(std::string& out, uint64_t id, const Ask& ask, std::string_view) override {
    const size_t start = wire::begin_frame(out, dialect_);
    json::Writer(out)
        .open_object()
        .member("type", "request")
        .member("id", std::to_string(id))
        .member("op", ask.op)
        .member("params", json::RawJson{ask.params})
        .close_object();
    wire::end_frame(out, dialect_, start);
  }

  Result<std::optional<Heard>> next(std::string_view input) override {
    RSTMDB_ASSIGN(const std::optional<wire::Frame> frame, frames_.next(input));
    if (!frame) return std::optional<Heard>();
    return std::optional(Heard{frame->size, frame->payload});
  }

  void switch_to_lines() override {
    dialect_ = wire::Dialect::kJsonl;
    frames_.switch_to(dialect_);
  }

 private:
  wire::Dialect dialect_;
  wire::FrameReader frames_;
};

}  // namespace

std::unique_ptr<Line> rcp_line(wire::Dialect dialect) { return std::make_unique<RcpLine>(dialect); }

}  // namespace rstmdb::sim
