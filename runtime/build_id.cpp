#include "runtime/build_id.hpp"

#include <fmt/format.h>

#include <elf.h>
#include <link.h>

#include <cstring>
#include <span>

namespace lagrange::runtime {

namespace {

constexpr std::size_t round_up(std::size_t bytes) { return (bytes + 3) / 4 * 4; }

/// The id in a segment of notes, if it is there.
std::string id_in(std::span<const unsigned char> notes) {
  while (notes.size() > sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) head;
    std::memcpy(&head, notes.data(), sizeof head);
    const auto name_bytes = round_up(head.n_namesz);
    const auto all = sizeof head + name_bytes + round_up(head.n_descsz);
    if (all > notes.size()) return {};
    if (head.n_type == NT_GNU_BUILD_ID) {
      std::string text;
      for (const auto byte : notes.subspan(sizeof head + name_bytes, head.n_descsz))
        text += fmt::format("{:02x}", byte);
      return text;
    }
    notes = notes.subspan(all);
  }
  return {};
}

/// Called for the program first; stops there.
int look_at(dl_phdr_info* program, std::size_t, void* found) {
  for (int i = 0; i < program->dlpi_phnum; ++i) {
    const auto& segment = program->dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    const auto* begin =
        reinterpret_cast<const unsigned char*>(program->dlpi_addr + segment.p_vaddr);
    auto& text = *static_cast<std::string*>(found);
    if (text.empty()) text = id_in({begin, segment.p_memsz});
  }
  return 1;
}

} // namespace

std::string build_id() {
  std::string found;
  ::dl_iterate_phdr(look_at, &found);
  return found.empty() ? LAGRANGE_VERSION : found;
}

} // namespace lagrange::runtime
