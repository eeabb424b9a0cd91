/// \file
/// The rules of tidiness, each a function from text to what breaks it. They are applied to the tree
/// by tidy_test.cpp, and to snippets that break them by rules_test.cpp.
#pragma once

#include "tests/tidy/source.hpp"

#include <iosfwd>
#include <span>

namespace lagrange::tidy {

/// A place that breaks a rule.
struct finding {
  std::string path;
  std::size_t line = 0;
  std::string rule;
  std::string text; ///< what was found there, and what was expected
};
std::ostream& operator<<(std::ostream& out, const finding& x);
using findings = std::vector<finding>;

/// Includes point down: apps -> actors -> runtime -> { ops, schema }; tests and bench see all.
findings check_layers(const source& file);

/// L1: CAF only in actors/, apps/, tests/, bench/.
findings check_caf(const source& file);

/// L2: Cap'n Proto only in the wire*, checkpoint* and journal* files of runtime/, and in tests/.
findings check_capnp(const source& file);

/// L3: CUDA's headers only in *.cu and ops/cuda/backend.hpp; no CUDA conditionals in headers.
findings check_cuda(const source& file);

/// L4: outside apps/, tests/ and bench/, nothing reads the environment and no global or static can
/// change, but for what a thread keeps of the device's libraries in *.cu.
findings check_globals(const source& file);

/// Twins are pure and shells only speak: no thread, mutex, sleep, clock or randomness in runtime/
/// (but runtime/transport/), no thread, mutex, sleep or endless request in actors/, and no sleep in
/// tests/.
findings check_purity(const source& file);

/// At most 250 lines a header, 400 a source, 60 a function, 100 columns.
findings check_sizes(const source& file);

/// Names of files, types and functions that could mean anything.
findings check_names(const source& file);

/// A header says what it is before anything else, and is included once.
findings check_header(const source& file);

/// No note of unfinished work, in any text file.
findings check_unfinished(const source& file);

/// Names of test cases are laws.
findings check_test_names(const source& file);

/// The folders at the top of the tree are fixed.
findings check_folders(std::span<const std::string> paths);

/// An invariant of the design, and whether this version keeps it.
struct invariant {
  std::string_view id;
  std::string_view missing; ///< why no test can name it yet; empty: it is built
};

/// Built invariants have a test that names them; no test names one that is not built or not known.
findings check_invariants(std::span<const invariant> table, std::span<const source> files);

/// Every name of a table stands in some README, as in `ssp` or `ssp:BOUND`.
findings check_documented(std::string_view table, std::span<const std::string> names,
                          std::span<const source> files);

} // namespace lagrange::tidy
