// The only file that knows libedit.
#include "line_editor.h"

#include <fcntl.h>
#include <histedit.h>
#include <langinfo.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <cstdio>

namespace rstmdb::cli {
namespace {

constexpr int kHistoryLines = 1000;

/// libedit drops the bytes that the locale cannot read: in "C", where a program starts, all that
/// are not ASCII. The wire has UTF-8 alone, so where the environment names something else it is not
/// asked. Numbers keep the form that "C" gives them.
void read_utf8() {
  std::setlocale(LC_CTYPE, "");
  if (std::string_view(::nl_langinfo(CODESET)) == "UTF-8") return;
  std::setlocale(LC_CTYPE, "C.UTF-8");
}

}  // namespace

struct LineEditor::Parts {
  std::string prompt;
  std::string history_path;
  Vocabulary& vocabulary;
  EditLine* edit = nullptr;
  History* history = nullptr;
  HistEvent event{};

  static Parts& of(EditLine* edit) {
    void* self = nullptr;
    el_get(edit, EL_CLIENTDATA, &self);
    return *static_cast<Parts*>(self);
  }
  static char* prompt_of(EditLine* edit) { return of(edit).prompt.data(); }
  static unsigned char complete_line(EditLine* edit, int) { return of(edit).complete_here(); }

  unsigned char complete_here() {
    const LineInfo* const line = el_line(edit);
    const std::string_view before(line->buffer, static_cast<size_t>(line->cursor - line->buffer));
    const Completion found = complete(before, vocabulary);
    if (found.candidates.empty()) return CC_REFRESH_BEEP;
    std::string more = common_prefix(found.candidates).substr(found.word.size());
    if (found.candidates.size() == 1) more += ' ';
    if (!more.empty()) {
      return el_insertstr(edit, more.c_str()) == 0 ? CC_REFRESH : CC_REFRESH_BEEP;
    }
    std::fputc('\n', stdout);
    for (const std::string& one : found.candidates) std::fprintf(stdout, "%s  ", one.c_str());
    std::fputc('\n', stdout);
    return CC_REDISPLAY;
  }

  void load_history() {
    history_ends();
    if (history_path.empty()) return;
    // Made here and not by libedit, which would take the mode from the umask.
    const int file = ::open(history_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file >= 0) {
      ::fchmod(file, 0600);
      ::close(file);
    }
    ::history(history, &event, H_LOAD, history_path.c_str());
  }
  void history_ends() {
    ::history(history, &event, H_SETSIZE, kHistoryLines);
    ::history(history, &event, H_SETUNIQUE, 1);
  }
};

LineEditor::LineEditor(std::string prompt, std::string history_path, Vocabulary& vocabulary)
    : parts_(new Parts{std::move(prompt), std::move(history_path), vocabulary}) {
  Parts& parts = *parts_;
  read_utf8();  // before el_init, which looks up there what is printable
  parts.history = ::history_init();
  parts.edit = ::el_init("rstmdb-cli", stdin, stdout, stderr);
  el_set(parts.edit, EL_CLIENTDATA, &parts);
  el_set(parts.edit, EL_PROMPT, &Parts::prompt_of);
  el_set(parts.edit, EL_EDITOR, "emacs");
  el_set(parts.edit, EL_SIGNAL, 1);
  el_set(parts.edit, EL_HIST, ::history, parts.history);
  // The narrow form of this one copies both texts and never frees them.
  el_wset(parts.edit, EL_ADDFN, L"rstmdb-complete", L"complete the word", &Parts::complete_line);
  el_set(parts.edit, EL_BIND, "\t", "rstmdb-complete", nullptr);
  el_source(parts.edit, nullptr);
  parts.load_history();
}

LineEditor::~LineEditor() {
  ::history_end(parts_->history);
  ::el_end(parts_->edit);
}

std::optional<std::string> LineEditor::next() {
  int count = 0;
  const char* const text = el_gets(parts_->edit, &count);
  if (text == nullptr || count <= 0) return std::nullopt;
  std::string line(text, static_cast<size_t>(count));
  while (line.ends_with('\n') || line.ends_with('\r')) line.pop_back();
  const bool keep = line.find_first_not_of(" \t") == 0;
  if (keep) {
    ::history(parts_->history, &parts_->event, H_ENTER, line.c_str());
    if (!parts_->history_path.empty()) {
      ::history(parts_->history, &parts_->event, H_SAVE, parts_->history_path.c_str());
      ::chmod(parts_->history_path.c_str(), 0600);
    }
  }
  return line;
}

}  // namespace rstmdb::cli
