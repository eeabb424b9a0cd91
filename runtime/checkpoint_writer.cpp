#include "runtime/checkpoint_writer.hpp"

namespace lagrange::runtime {

namespace {

part_report report_of(const stamp& from, cut_number cut,
                      const result<cut_manifest::part>& written) {
  part_report made{from, cut, {}, 0, {}, {}, 0, {}, {}};
  if (!written) {
    made.failure = written.error().text;
    return made;
  }
  const auto& part = written.value();
  made.file = part.file;
  made.bytes = part.bytes;
  made.sha256 = part.sha256;
  made.version = part.version;
  made.records = part.records;
  made.base = part.base;
  return made;
}

} // namespace

checkpoint_writer::checkpoint_writer(checkpoint_writer_options options)
    : options_(std::move(options)), store_(*options_.disk, options_.folder) {}

part_report checkpoint_writer::write(const stamp& from, const shard_state& state) {
  return report_of(from, state.cut, store_.write(state));
}

part_report checkpoint_writer::write(const stamp& from, const residual_state& state) {
  return report_of(from, state.cut, store_.write(state));
}

std::string checkpoint_writer::write(const whole_cut& what, std::chrono::sys_seconds now) {
  cut_manifest made{options_.build, {}, {}, what.cut, now, what.lives, {}};
  for (const auto& [name, part] : what.parts) {
    made.job = part.from.job;
    made.term = part.from.term;
    made.parts.push_back(
        {part.file, part.bytes, part.sha256, part.version, part.records, part.base});
  }
  if (const auto written = store_.write(made); !written) return written.error().text;
  if (const auto pruned = store_.prune(options_.stays, now); !pruned) return pruned.error().text;
  return {};
}

} // namespace lagrange::runtime
