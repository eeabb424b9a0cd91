#include "runtime/catalog.hpp"

namespace lagrange::runtime {
namespace {

template <class Row>
std::vector<Row> copy(std::span<const Row> rows) {
  return {rows.begin(), rows.end()};
}

} // namespace

catalog catalog::standard() {
  return {copy(ops::models()),        copy(runtime::policies()),
          copy(runtime::weights()),   copy(runtime::compensations()),
          copy(runtime::outers()),    copy(ops::optimizers()),
          copy(runtime::codecs()),    copy(data_formats()),
          copy(runtime::schedules()), {}};
}

} // namespace lagrange::runtime
