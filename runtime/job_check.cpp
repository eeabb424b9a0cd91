#include "runtime/job.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace lagrange::runtime {
namespace {

/// Refusals, a line each.
class refusals {
public:
  explicit refusals(const job& x) : job_(x) {}
  void add(std::string_view key, std::string_view text) {
    if (!text_.empty()) text_ += '\n';
    text_ += key_error(job_, key, text);
  }
  result<void> done() const {
    if (text_.empty()) return success();
    return failure(errc::bad_argument, text_);
  }

private:
  const job& job_;
  std::string text_;
};

void check_model(const job& x, const data_facts& facts, const catalog& rows, refusals& refused) {
  const auto* row = find_row(rows.models, x.model.name);
  if (!row) return refused.add("model.name", "no such model, see lagrange list models");
  try {
    const auto network = row->make(facts.input);
    const auto parameters = ops::parameter_elements(network->parameters());
    if (x.topology.shards > static_cast<std::uint64_t>(parameters))
      refused.add("topology.shards",
                  fmt::format("model {} has {} parameters, expected at most as many shards",
                              x.model.name, parameters));
    const auto* optimizer = find_row(rows.optimizers, x.optimizer.name);
    const auto tensors = network->parameters().size();
    if (optimizer && optimizer->needs_whole_tensors && x.topology.shards > tensors)
      refused.add(
          "topology.shards",
          fmt::format("optimizer {} needs whole tensors, of which model {} has {}, expected "
                      "at most as many shards",
                      x.optimizer.name, x.model.name, tensors));
  } catch (const std::invalid_argument& unsuitable) {
    refused.add("model.name", fmt::format("does not suit samples of shape {} in {} classes: {}",
                                          ops::to_string(facts.input.extents), facts.input.classes,
                                          unsuitable.what()));
  }
}

void check_optimizer(const job& x, const catalog& rows, refusals& refused) {
  const auto* row = find_row(rows.optimizers, x.optimizer.name);
  if (!row) return refused.add("optimizer.name", "no such optimizer, see lagrange list optimizers");
  try {
    row->make(1, x.optimizer.options);
  } catch (const std::invalid_argument& wrong) {
    refused.add("optimizer.name", wrong.what());
  }
}

} // namespace

result<data_facts> read_data_facts(const job& x, const catalog& rows) {
  const auto* row = find_row(rows.data, x.data.format);
  if (!row)
    return failure(errc::bad_argument,
                   key_error(x, "data.format", "no such format, see lagrange list data"));
  const auto refuse = [&](const error& why) {
    return failure(why.code, key_error(x, "data.path", why.text));
  };
  const auto train = row->open(x.data.path, data_split::train);
  if (!train) return refuse(train.error());
  const auto test = row->open(x.data.path, data_split::test);
  if (!test) return refuse(test.error());
  const auto& samples = *train.value();
  const auto extents = samples.sample_extents();
  if (const auto other = test.value()->sample_extents(); other != extents)
    return refuse({errc::bad_file,
                   fmt::format("samples to train on have shape {}, those to test with {}; expected "
                               "one shape: check that both are of one data set",
                               ops::to_string(extents), ops::to_string(other))});
  return data_facts{{extents, samples.classes()}, static_cast<std::int64_t>(samples.size())};
}

result<void> check_job(const job& x, const data_facts& facts, const catalog& rows) {
  refusals refused(x);
  if (x.data.batch > static_cast<std::uint64_t>(facts.samples))
    refused.add("data.batch", fmt::format("there are {} samples to train on, expected at most as "
                                          "many in a batch",
                                          facts.samples));
  check_model(x, facts, rows, refused);
  check_optimizer(x, rows, refused);
  return refused.done();
}

} // namespace lagrange::runtime
