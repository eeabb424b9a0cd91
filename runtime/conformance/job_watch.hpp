/// \file
/// Watches a whole job from outside and says which invariant it broke. It believes neither shard
/// nor feeder: it is told the truth (which worker lives, which step it has begun) by whoever drives
/// the job, reads the shards' journals, and recounts everything.
#pragma once

#include "runtime/feeder.hpp"
#include "runtime/journal.hpp"
#include "runtime/permutation.hpp"
#include "runtime/worker.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace lagrange::runtime {

/// What the watched workers compute: every element of the gradient of a lease is the same whole
/// number, and some leases are skipped as if their gradient were not finite.
inline float gradient_of(lease_id id) { return static_cast<float>(id.value % 7 + 1); }
inline bool is_skipped(lease_id id) { return mix(id.value) % 9 == 0; }
/// Some leases kill whoever computes them, in jobs that have such.
inline bool is_poisoned(lease_id id) { return mix(id.value + 1) % 13 == 0; }

struct violation {
  std::string invariant;
  std::string text;
};

class job_watch {
public:
  struct facts {
    std::uint32_t shards = 1;
    std::optional<std::uint64_t> bound;
    arrival arrivals = arrival::each;
    std::uint64_t samples = 1; ///< of the data set
    std::uint32_t epochs = 1;
    bool may_exclude = false; ///< leases from their rounds
    bool has_poison = false;  ///< is_poisoned leases
    std::uint32_t batch_deaths = 3;
  };
  using life = std::pair<std::uint32_t, incarnation>;

  explicit job_watch(const facts& known) : known_(known), shards_(known.shards) {}

  const std::optional<violation>& found() const { return found_; }
  void expect(bool holds, const char* invariant, const std::string& text) {
    if (!holds && !found_) found_ = {invariant, text};
  }

  // ---- the truth -----------------------------------------------------------------------

  /// LE-1: whoever holds a lease, and however often it is dealt, it has the same samples; one that
  /// is given up is dealt without.
  void on_deal(const lease& what, const std::vector<std::uint32_t>& samples) {
    const auto [place, is_first] = dealt_.try_emplace(what.id, deal{what, samples});
    expect(is_first || samples.empty() || place->second.samples == samples, "LE-1",
           "lease " + to_string(what.id) + " was dealt again with other samples");
    expect(is_first || what.attempt > place->second.what.attempt, "LE-1",
           "lease " + to_string(what.id) + " was dealt again with the same attempt");
    place->second.what.attempt = what.attempt;
  }

  /// A worker has its lease and parameters and computes. Its parameters are those of their version.
  void on_step(const life& who, const step_task& task) {
    begun_[who].push_back({task.clock, task.what.id});
    for (std::size_t shard = 0; shard < shards_.size(); ++shard) {
      const auto& reply = *task.parameters[shard];
      const auto wanted = shards_[shard].values.at(reply.version.value);
      for (const auto value : reply.parameters.values<float>())
        expect(std::abs(value - wanted) < 1e-3 * (1 + wanted), "SH-1",
               "shard " + std::to_string(shard) + " gave " + std::to_string(value) +
                   " for version " + to_string(reply.version) + ", which is " +
                   std::to_string(wanted));
    }
  }

  /// The worker is dead, or was declared dead: nobody has to wait for it any more.
  void on_end(const life& who) { begun_.erase(who); }

  // ---- the journals --------------------------------------------------------------------

  /// All entries of one event of one shard.
  void on_entries(std::uint32_t shard, const std::vector<journal_entry>& entries) {
    auto& at = shards_[shard];
    double sum = 0;
    double weights = 0;
    for (const auto& entry : entries) {
      if (entry.kind == journal_kind::applied && weights > 0 && known_.arrivals == arrival::each)
        expect(false, "SH-1", "two updates in one event");
      if (entry.kind == journal_kind::served) {
        publish(at, sum, weights);
        check_served(shard, entry);
      } else if (entry.kind == journal_kind::applied) {
        const auto weight = static_cast<double>(dealt_.at(entry.what).samples.size());
        sum += weight * gradient_of(entry.what);
        weights += weight;
        check_settled(shard, entry);
      } else if (entry.kind == journal_kind::dropped || entry.kind == journal_kind::excluded ||
                 entry.kind == journal_kind::set_aside) {
        check_settled(shard, entry);
      }
      const auto expected = at.values.size() - 1 + (weights > 0 ? 1 : 0);
      expect(known_.arrivals == arrival::round || entry.version.value == expected, "SH-1",
             "shard " + std::to_string(shard) + " wrote version " + to_string(entry.version) +
                 ", expected " + std::to_string(expected));
    }
    publish(at, sum, weights);
  }

  // ---- the end -------------------------------------------------------------------------

  /// Every lease of the job has been closed: recounts what became of each, on each shard.
  void on_finish(const feeder_report& told, std::uint64_t leases) {
    std::uint64_t dropped = 0, set_aside = 0;
    for (std::uint64_t id = 0; id < leases; ++id) {
      dropped += is_dropped({id}) ? 1 : 0;
      set_aside += is_set_aside({id}) ? 1 : 0;
    }
    expect(told.issued == leases && told.dropped == dropped && told.applied == leases - dropped &&
               told.set_aside == set_aside,
           "LE-1",
           "the feeder counts " + std::to_string(told.issued) + " issued, " +
               std::to_string(told.applied) + " applied, " + std::to_string(told.dropped) +
               " dropped and " + std::to_string(told.set_aside) + " set aside of " +
               std::to_string(leases));
    for (std::uint32_t shard = 0; shard < shards_.size(); ++shard)
      expect(shards_[shard].settled.size() == leases, "LE-1",
             "shard " + std::to_string(shard) + " settled " +
                 std::to_string(shards_[shard].settled.size()) + " of " + std::to_string(leases));
    std::map<std::uint32_t, std::multiset<std::uint32_t>> samples;
    for (const auto& [id, each] : dealt_)
      samples[each.what.epoch].insert(each.samples.begin(), each.samples.end());
    expect(samples.size() == known_.epochs, "LE-1", "an epoch is missing");
    for (const auto& [epoch, seen] : samples) {
      std::vector<std::uint32_t> every(known_.samples);
      std::iota(every.begin(), every.end(), 0U);
      expect(std::ranges::equal(seen, every), "LE-1",
             "epoch " + std::to_string(epoch) + " does not have every sample once");
    }
  }

  /// What a shard holds in the end is the exact sum of what it applied.
  void on_last_parameters(std::uint32_t shard, const pull_reply& held) {
    const auto& at = shards_[shard];
    expect(held.version.value + 1 == at.values.size(), "SH-1", "the last version is another");
    for (const auto value : held.parameters.values<float>())
      expect(std::abs(value - at.values.back()) < 1e-3 * (1 + at.values.back()), "SH-2",
             "shard " + std::to_string(shard) + " holds " + std::to_string(value) + ", expected " +
                 std::to_string(at.values.back()));
  }

private:
  struct deal {
    lease what;
    std::vector<std::uint32_t> samples;
  };
  struct step {
    worker_clock clock;
    lease_id what;
  };
  struct shard_truth {
    std::map<lease_id, journal_kind> settled;
    std::vector<double> values{0}; ///< of every parameter, by version
    std::map<worker_id, incarnation> newest;
  };

  /// By its worker, or by the policy, which has to say so to every shard.
  bool is_dropped(lease_id id) {
    std::size_t excluded = 0;
    for (const auto& each : shards_) {
      const auto found = each.settled.find(id);
      excluded += found != each.settled.end() && found->second == journal_kind::excluded ? 1 : 0;
    }
    expect(excluded == 0 || excluded == shards_.size(), "LE-1",
           "lease " + to_string(id) + " was left out of its round by some shards only");
    return excluded > 0 || is_skipped(id) || is_set_aside(id);
  }
  /// By every shard, unless one had applied it before it was given up.
  bool is_set_aside(lease_id id) const {
    const auto is_of = [&](journal_kind kind) {
      return std::ranges::any_of(shards_, [&](const shard_truth& each) {
        const auto found = each.settled.find(id);
        return found != each.settled.end() && found->second == kind;
      });
    };
    return is_of(journal_kind::set_aside) && !is_of(journal_kind::applied);
  }

  static void publish(shard_truth& at, double& sum, double& weights) {
    if (weights > 0) at.values.push_back(at.values.back() + sum / weights);
    sum = weights = 0;
  }

  void check_served(std::uint32_t shard, const journal_entry& entry) {
    auto& at = shards_[shard];
    auto& newest = at.newest[entry.worker];
    expect(entry.life >= newest, "SH-2",
           "a fenced incarnation of worker " + to_string(entry.worker) + " was served");
    newest = std::max(newest, entry.life);
    if (!known_.bound) return;
    expect(entry.clock.value <= entry.slowest.value + *known_.bound, "CL-2",
           "a pull of clock " + to_string(entry.clock) + " was admitted while the slowest is at " +
               to_string(entry.slowest));
    for (const auto& [who, steps] : begun_)
      for (const auto& each : steps)
        expect(
            each.clock.value + *known_.bound >= entry.clock.value || at.settled.contains(each.what),
            "CL-1",
            "a pull of clock " + to_string(entry.clock) + " by worker " + to_string(entry.worker) +
                " does not see lease " + to_string(each.what) + " of worker " +
                std::to_string(who.first) + " at clock " + to_string(each.clock));
  }

  void check_settled(std::uint32_t shard, const journal_entry& entry) {
    const auto [place, is_first] = shards_[shard].settled.try_emplace(entry.what, entry.kind);
    expect(is_first, "SH-2",
           "shard " + std::to_string(shard) + " took lease " + to_string(entry.what) + " twice");
    if (entry.kind == journal_kind::set_aside)
      return expect(entry.attempt.value > known_.batch_deaths, "LE-1",
                    "lease " + to_string(entry.what) + " was set aside at attempt " +
                        to_string(entry.attempt));
    expect(entry.kind == journal_kind::excluded
               ? known_.may_exclude
               : (entry.kind == journal_kind::dropped) == is_skipped(entry.what) &&
                     !(known_.has_poison && is_poisoned(entry.what)),
           "LE-1", "lease " + to_string(entry.what) + " ended the other way");
  }

  facts known_;
  std::optional<violation> found_;
  std::map<lease_id, deal> dealt_;
  std::map<life, std::vector<step>> begun_;
  std::vector<shard_truth> shards_;
};

} // namespace lagrange::runtime
