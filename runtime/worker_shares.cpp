#include "runtime/worker_shares.hpp"

#include <nlohmann/json.hpp>

namespace lagrange::runtime {

std::string to_json(std::span<const worker_share> workers) {
  using seconds = std::chrono::duration<double>;
  std::string text = "[";
  for (const auto& each : workers) {
    const auto all = each.compute + each.waiting;
    nlohmann::ordered_json line{{"worker", each.worker.value},
                                {"steps", each.steps},
                                {"samples", each.samples},
                                {"restarts", each.restarts},
                                {"compute_seconds", seconds(each.compute).count()},
                                {"wait_seconds", seconds(each.waiting).count()},
                                {"wait_share", nullptr}};
    if (all.count() > 0) line["wait_share"] = seconds(each.waiting) / seconds(all);
    text += (&each == workers.data() ? "\n" : ",\n") + line.dump();
  }
  return text + "\n]\n";
}

} // namespace lagrange::runtime
