#include "actors/checkpoint_writer.hpp"

#include <algorithm>

namespace lagrange::actors {

namespace {

using namespace runtime;
using writer_pointer = checkpoint_writer_actor::stateful_pointer<checkpoint_writer_state>;

residual_state state_of(const residual_part& part) {
  residual_state made{
      {part.from.name.index},
      part.cut,
      ops::tensor(ops::dtype::u8, {static_cast<std::int64_t>(part.memory->size())})};
  std::ranges::copy(*part.memory, made.memory.bytes());
  return made;
}

} // namespace

writer_maker write_checkpoints_with(checkpoint_writer_options options) {
  return [options = std::move(options)](caf::actor_system& system,
                                        const supervisor_actor& supervisor) {
    const auto today = [] {
      return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    };
    return system.spawn<caf::detached>(checkpoint_writer,
                                       checkpoint_writer_setup{options, supervisor, today});
  };
}

checkpoint_writer_actor::behavior_type checkpoint_writer(writer_pointer self,
                                                         const checkpoint_writer_setup& setup) {
  quit_on_exceptions(self);
  self->state.setup = setup;
  self->state.twin.emplace(setup.options);
  return {
      [self](const shard_part& part) {
        self->send(self->state.setup.supervisor, self->state.twin->write(part.from, *part.state));
      },
      [self](const residual_part& part) {
        self->send(self->state.setup.supervisor,
                   self->state.twin->write(part.from, state_of(part)));
      },
      [self](const manifest_order& order) {
        return manifest_done{order.what->cut,
                             self->state.twin->write(*order.what, self->state.setup.today())};
      },
  };
}

} // namespace lagrange::actors
