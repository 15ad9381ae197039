// A state with many instances, and the requests that move them: what the other programs get through
// a socket, made in place.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/decide.h"
#include "engine/state.h"

namespace rstmdb::bench {

struct Shape {
  uint64_t instances = 100'000;
  size_t context_bytes = 150;
  std::string ids = "number";  // number: i-00000042; uuid: 36 characters
};

/// Creates instances and sends them events, by the way of every write: decide, encode, apply.
class Population {
 public:
  explicit Population(const Shape& shape);

  engine::State& state() { return state_; }
  /// An id for the number, always the same; a pure function of it, so that looking it up costs no
  /// miss of its own.
  std::string id(uint64_t number) const;

  void create_all(const auto& on_unit) {
    for (uint64_t i = 0; i < shape_.instances; ++i) {
      create(id(i));
      on_unit(std::string_view(unit_));
    }
  }
  void create(std::string_view id);
  void apply(std::string_view id);
  std::string_view unit() const { return unit_; }  // of the last write
  /// Bytes of ids and contexts.
  uint64_t text_bytes() const;

 private:
  engine::Decider decider() { return {bounds_, stamp_, draft_}; }
  void commit();

  const Shape shape_;
  engine::Bounds bounds_;
  engine::Stamp stamp_;
  engine::State state_{{.hash_seed = 5}};
  engine::Draft draft_{state_};
  engine::Definition definition_;
  engine::ChainHash chain_;
  std::string context_;
  std::string unit_;
  uint64_t events_ = 0;
};

}  // namespace rstmdb::bench
