// The side of the simulated file system that tests hold: faults, power cuts and a look inside.
#include <utility>

#include "io/simulated_file_system.h"

namespace rstmdb::io {

void SimulatedFileSystem::inject(Fault fault) {
  const std::lock_guard lock(mutex_);
  faults_.push_back({fault});
}

void SimulatedFileSystem::clear_faults() {
  const std::lock_guard lock(mutex_);
  faults_.clear();
  flips_.clear();
}

uint64_t SimulatedFileSystem::calls(Call call) const {
  const std::lock_guard lock(mutex_);
  return calls_[static_cast<size_t>(call)];
}

void SimulatedFileSystem::before_each_call(std::function<void(Call, const std::string&)> hook) {
  hook_ = std::move(hook);
}

void SimulatedFileSystem::flip_on_read(const std::string& path, uint64_t byte, unsigned bit) {
  const std::lock_guard lock(mutex_);
  flips_.push_back({path, byte, bit});
}

void SimulatedFileSystem::set_free_bytes(uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  free_bytes_ = bytes;
}

void SimulatedFileSystem::kill() {
  const std::lock_guard lock(mutex_);
  ++process_;
  locks_.clear();
  open_.clear();
  forget_unlinked();
}

void SimulatedFileSystem::power_cut(uint64_t seed) {
  kill();
  const std::lock_guard lock(mutex_);
  disk_.cut_power(seed);
  forget_unlinked();
}

void SimulatedFileSystem::halt() {
  const std::lock_guard lock(mutex_);
  halted_ = true;
}

void SimulatedFileSystem::go_on() {
  const std::lock_guard lock(mutex_);
  halted_ = false;
}

std::unique_ptr<SimulatedFileSystem> SimulatedFileSystem::after_power_cut(uint64_t seed) const {
  auto after = std::make_unique<SimulatedFileSystem>();
  const std::lock_guard lock(mutex_);
  after->disk_ = disk_;
  after->disk_.cut_power(seed);
  return after;
}

std::unique_ptr<SimulatedFileSystem> SimulatedFileSystem::clone() const {
  auto copy = std::make_unique<SimulatedFileSystem>();
  const std::lock_guard lock(mutex_);
  copy->disk_ = disk_;
  copy->disk_.sync_everything();
  return copy;
}

std::string SimulatedFileSystem::content(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const auto node = disk_.find(path);
  if (!node || node->kind != SimulatedDisk::Node::Kind::kFile) return "";
  return disk_.file(node->id).now();
}

void SimulatedFileSystem::put(const std::string& path, std::string bytes) {
  const std::lock_guard lock(mutex_);
  for (size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1))
    disk_.add(path.substr(0, end), SimulatedDisk::Node::Kind::kFolder);
  disk_.add(path, SimulatedDisk::Node::Kind::kFile);
  SimulatedContent& content = disk_.file(disk_.find(path)->id);
  content.resize(0);
  content.write(0, bytes);
  disk_.sync_everything();
}

void SimulatedFileSystem::erase(const std::string& path) {
  const std::lock_guard lock(mutex_);
  disk_.remove(path);
  disk_.sync_everything();
}

std::vector<std::string> SimulatedFileSystem::paths() const {
  const std::lock_guard lock(mutex_);
  return disk_.file_paths();
}

}  // namespace rstmdb::io
