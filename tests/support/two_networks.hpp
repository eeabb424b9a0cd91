/// \file
/// Two network namespaces with a link between them that can be cut, for tests with real processes.
/// Only who may make namespaces can have them; they are gone with their owner.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace lagrange::tests {

class two_networks {
public:
  two_networks() {
    static int count = 0;
    const auto own = "lg" + std::to_string(::getpid()) + "-" + std::to_string(++count);
    here_ = own + "a";
    there_ = own + "b";
    is_there_ = does("ip netns add " + here_) && does("ip netns add " + there_) &&
                does("ip link add v0 netns " + here_ + " type veth peer name v1 netns " + there_) &&
                does("ip -n " + here_ + " addr add 10.77.0.1/24 dev v0") &&
                does("ip -n " + there_ + " addr add 10.77.0.2/24 dev v1") &&
                does("ip -n " + here_ + " link set lo up") &&
                does("ip -n " + there_ + " link set lo up") && heal() &&
                does("ip -n " + there_ + " link set v1 up");
  }
  ~two_networks() {
    does("ip netns del " + here_);
    does("ip netns del " + there_);
  }
  two_networks(const two_networks&) = delete;
  two_networks& operator=(const two_networks&) = delete;

  explicit operator bool() const { return is_there_; }
  std::string address() const { return "10.77.0.1"; } ///< of the first

  bool cut() const { return does("ip -n " + here_ + " link set v0 down"); }
  bool heal() const { return does("ip -n " + here_ + " link set v0 up"); }
  /// What the first sends to the second goes nowhere.
  bool cut_one_way() const { return does("ip -n " + here_ + " route add blackhole 10.77.0.2/32"); }
  bool heal_one_way() const { return does("ip -n " + here_ + " route del blackhole 10.77.0.2/32"); }

  /// The words of a command for `env` that runs in the first, or the second.
  std::vector<std::string> here(std::vector<std::string> words) const { return in(here_, words); }
  std::vector<std::string> there(std::vector<std::string> words) const { return in(there_, words); }

private:
  static bool does(const std::string& command) {
    return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
  }
  static std::vector<std::string> in(const std::string& space,
                                     const std::vector<std::string>& words) {
    std::vector<std::string> made{"ip", "netns", "exec", space};
    made.insert(made.end(), words.begin(), words.end());
    return made;
  }

  std::string here_, there_;
  bool is_there_ = false;
};

} // namespace lagrange::tests
