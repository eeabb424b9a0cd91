// Each rule of tidiness is given text that breaks it, and text that only looks as if it did.
#include "tests/tidy/rules.hpp"

#include <catch2/catch.hpp>

#include <sstream>

namespace lagrange::tidy {

namespace {

using rule = findings (*)(const source&);

std::size_t count(rule check, const std::string& path, const std::string& text) {
  return check(read_source(path, text)).size();
}

bool bites(rule check, const std::string& path, const std::string& text) {
  return count(check, path, text) == 1;
}

bool passes(rule check, const std::string& path, const std::string& text) {
  return count(check, path, text) == 0;
}

std::string repeated(const std::string& line, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += line;
  return text;
}

} // namespace

TEST_CASE("a finding names file, line and rule", "[tidy]") {
  const auto found = check_caf(read_source("runtime/x.cpp", "\n\n#include <caf/actor.hpp>\n"));
  REQUIRE(found.size() == 1);
  std::ostringstream text;
  text << found.front();
  CHECK(text.str().starts_with("runtime/x.cpp:3: L1: includes caf/actor.hpp"));
}

TEST_CASE("comments, literals and code are told apart", "[tidy]") {
  const auto file = read_source("x.cpp", "a = \"b // c\"; // d \"e\"\n/* f */ g = 'h' + 1'000;\n"
                                         "i = R\"(j \" // k)\" + l;\n");
  CHECK(file.code.size() == file.text.size());
  CHECK(file.code.find_first_of("bcdefhjk") == std::string::npos);
  for (const char kept : {'a', 'g', 'i', 'l'}) CHECK(file.code.find(kept) != std::string::npos);
  CHECK(file.code.find("1'000;") != std::string::npos);
  CHECK(file.spoken.find("b // c") != std::string::npos);
  CHECK(file.comments.find("d \"e\"") != std::string::npos);
  CHECK(file.comments.find_first_of("abcghijkl") == std::string::npos);
}

TEST_CASE("an include that points up the layers is found", "[tidy]") {
  CHECK(bites(check_layers, "ops/x.cpp", "#include \"runtime/ids.hpp\"\n"));
  CHECK(bites(check_layers, "ops/x.cpp", "#include \"schema/frame.capnp.h\"\n"));
  CHECK(bites(check_layers, "runtime/x.hpp", "#include <actors/shard.hpp>\n"));
  CHECK(bites(check_layers, "actors/x.cpp", "#include <lagrange/lagrange.hpp>\n"));
  CHECK(bites(check_layers, "apps/x.cpp", "#include \"tests/support/x.hpp\"\n"));
  CHECK(bites(check_layers, "bench/x.cpp", "  #  include \"tests/support/x.hpp\"\n"));
  CHECK(passes(check_layers, "runtime/x.cpp", "#include \"ops/tensor.hpp\"\n"));
  CHECK(passes(check_layers, "runtime/x.cpp", "// #include \"actors/shard.hpp\"\n"));
}

TEST_CASE("L1: CAF below the actors is found", "[tidy]") {
  CHECK(bites(check_caf, "runtime/x.cpp", "#include <caf/actor.hpp>\n"));
  CHECK(bites(check_caf, "ops/x.hpp", "#include \"caf/actor.hpp\"\n"));
  CHECK(passes(check_caf, "actors/x.hpp", "#include <caf/actor.hpp>\n"));
}

TEST_CASE("L2: Cap'n Proto outside files about bytes is found", "[tidy]") {
  CHECK(bites(check_capnp, "runtime/shard.cpp", "#include <capnp/message.h>\n"));
  CHECK(bites(check_capnp, "actors/wire.cpp", "#include <kj/array.h>\n"));
  CHECK(bites(check_capnp, "apps/x.cpp", "#include \"schema/frame.capnp.h\"\n"));
  CHECK(passes(check_capnp, "runtime/wire_frame.hpp", "#include <capnp/message.h>\n"));
}

TEST_CASE("L3: CUDA outside its backend is found", "[tidy]") {
  CHECK(bites(check_cuda, "ops/x.cpp", "#include <cuda_runtime.h>\n"));
  CHECK(bites(check_cuda, "runtime/x.cpp", "#include <cublas_v2.h>\n"));
  CHECK(bites(check_cuda, "ops/x.hpp", "#ifdef LAGRANGE_CUDA\n"));
  CHECK(passes(check_cuda, "ops/x.cu", "#include <cuda_runtime.h>\n"));
  CHECK(passes(check_cuda, "ops/cuda/backend.hpp", "#include <cuda_runtime.h>\n"));
}

TEST_CASE("L4: a global that can change is found", "[tidy]") {
  for (const auto* text :
       {"int count;\n", "namespace a {\nstd::vector<int> all{1};\n}\n", "static bool on = false;\n",
        "namespace {\nstd::map<int, std::string> table = {{1, f()}};\n}\n",
        "struct x {\n  static int count;\n};\n", "extern int count;\n",
        "x& only() {\n  static x made;\n  return made;\n}\n",
        "void f() {\n  thread_local int depth = 0;\n}\n", "auto p = std::getenv(\"HOME\");\n"})
    CHECK(count(check_globals, "runtime/x.cpp", text) >= 1);
  for (const auto* text :
       {"constexpr int count = 1;\n", "const std::vector<int> all{1};\n", "int f(int x = 1);\n",
        "struct x {\n  int count = 0;\n  static int f();\n  static constexpr int n = 1;\n};\n",
        "enum class e : int { a, b };\n", "using x = int;\n", "struct x;\n",
        "void f() {\n  static const auto table = make();\n  int n = 0;\n}\n",
        "a::a(int x) : x_{x}, y_(x) {\n  z = x;\n}\n",
        "template <class T>\nT f(T x) { return x; }\n",
        "bool operator==(const x& a, const x& b) {\n  return a.n == b.n;\n}\n",
        "namespace fs = std::filesystem;\n", "// int count;\n", "#define COUNT int count;\n"}) {
    INFO(text);
    CHECK(passes(check_globals, "runtime/x.cpp", text));
  }
  CHECK(passes(check_globals, "ops/x.cu", "void f() {\n  thread_local handle h;\n}\n"));
  CHECK(bites(check_globals, "ops/x.cu", "void f() {\n  static handle h;\n}\n"));
  CHECK(passes(check_globals, "apps/x.cpp", "auto p = std::getenv(\"HOME\");\n"));
}

TEST_CASE("threads, clocks and sleep where they do not belong are found", "[tidy]") {
  for (const auto* text : {"std::thread t;\n", "std::shared_mutex m;\n", "std::mt19937 r;\n",
                           "auto t = std::chrono::steady_clock::now();\n", "int r = rand();\n",
                           "std::this_thread::yield();\n", "usleep(1);\n"})
    CHECK(bites(check_purity, "runtime/x.cpp", text));
  CHECK(bites(check_purity, "actors/x.cpp", "std::lock_guard l(m);\n"));
  CHECK(bites(check_purity, "actors/x.cpp", "self->request(a, caf::infinite, b);\n"));
  CHECK(bites(check_purity, "tests/x.cpp", "::sleep(1);\n"));
  CHECK(passes(check_purity, "runtime/transport/x.cpp", "std::thread t;\n"));
  CHECK(passes(check_purity, "runtime/x.cpp", "time_point now; // std::thread, rand()\n"));
}

TEST_CASE("what is too large is found", "[tidy]") {
  CHECK(bites(check_sizes, "ops/x.hpp", repeated("\n", 251)));
  CHECK(bites(check_sizes, "ops/x.cpp", repeated("\n", 401)));
  CHECK(bites(check_sizes, "ops/x.cpp", "// " + std::string(98, 'x') + "\n"));
  CHECK(bites(check_sizes, "ops/x.cpp", "int f() {\n" + repeated("  g();\n", 59) + "}\n"));
  CHECK(bites(check_sizes, "ops/x.cpp",
              "struct s {\n  s() : a_{1} {\n" + repeated("    if (g()) {}\n", 60) + "  }\n};\n"));
  CHECK(passes(check_sizes, "ops/x.hpp", repeated("\n", 250)));
  CHECK(passes(check_sizes, "ops/x.cpp", "int f() {\n" + repeated("  g();\n", 58) + "}\n"));
  CHECK(passes(check_sizes, "ops/x.cpp", "// " + repeated("\xC3\xA9", 97) + "\n"));
  CHECK(passes(check_sizes, "ops/x.cpp", "struct s {\n" + repeated("  int f();\n", 70) + "};\n"));
}

TEST_CASE("a name that could mean anything is found", "[tidy]") {
  for (const auto* path : {"ops/utils.cpp", "ops/common/x.cpp", "ops/x_helper.cpp"})
    CHECK(bites(check_names, path, ""));
  for (const auto* text :
       {"class signal_handler {};\n", "void make_info();\n",
        "template <class T>\nstruct TaskManager;\n", "enum class server { a };\n",
        "struct x {\n  int misc() const { return 1; }\n};\n"})
    CHECK(bites(check_names, "ops/x.cpp", text));
  for (const auto* text : {"class information {};\n", "void f() { set_exception_handler(g); }\n",
                           "// a server\n", "const auto x = \"server\";\n"})
    CHECK(passes(check_names, "ops/x.cpp", text));
}

TEST_CASE("a header that does not say what it is is found", "[tidy]") {
  CHECK(bites(check_header, "ops/x.hpp", "#pragma once\n"));
  CHECK(bites(check_header, "ops/x.hpp", "/// \\file\n/// A thing.\n"));
  CHECK(passes(check_header, "ops/x.hpp", "/// \\file\n/// A thing.\n#pragma once\n"));
}

TEST_CASE("a note of unfinished work is found", "[tidy]") {
  CHECK(bites(check_unfinished, "ops/x.cpp", "f(); // TODO: g\n"));
  CHECK(bites(check_unfinished, "dev", "# FIXME later\n"));
  CHECK(passes(check_unfinished, "ops/x.cpp", "const auto word = \"TODO\";\n"));
}

TEST_CASE("a test whose name is no law is found", "[tidy]") {
  for (const auto* name : {"Test of shards", "the feeder works", "it should stop", "testing tests"})
    CHECK(bites(check_test_names, "tests/x.cpp",
                "TEST_CASE(\"" + std::string(name) + "\", \"[x]\") {}\n"));
  CHECK(passes(check_test_names, "tests/x.cpp",
               "TEST_CASE(\"a worker ends with the best test accuracy\") {}\n"));
}

TEST_CASE("a folder that is not one of the project's is found", "[tidy]") {
  CHECK(check_folders(std::vector<std::string>{"docs/x.md"}).size() == 1);
  CHECK(check_folders(std::vector<std::string>{"README.md", "ops/x.cpp", ".ci/run"}).empty());
}

TEST_CASE("an invariant without a test is found, and so is a test without one", "[tidy]") {
  const std::vector<source> files{
      read_source("tests/x.cpp", "TEST_CASE(\"SH-2, SH-1: a law\") {}\n")};
  const auto broken = [&](std::vector<invariant> table) {
    return check_invariants(table, files).size();
  };
  CHECK(broken({{"SH-1", ""}, {"SH-2", ""}}) == 0);
  CHECK(broken({{"SH-1", ""}, {"SH-2", ""}, {"SH-3", ""}}) == 1);
  CHECK(broken({{"SH-1", ""}, {"SH-2", ""}, {"SH-3", "later"}}) == 0);
  CHECK(broken({{"SH-1", ""}, {"SH-2", "later"}}) == 1);
  CHECK(broken({{"SH-1", ""}}) == 1);
}

TEST_CASE("a row that no README tells of is found", "[tidy]") {
  const std::vector<source> files{read_source("ops/README.md", "Use `ssp:BOUND` or `bsp`."),
                                  read_source("ops/x.md", "`asp`")};
  CHECK(check_documented("policies", std::vector<std::string>{"ssp", "bsp"}, files).empty());
  CHECK(check_documented("policies", std::vector<std::string>{"asp"}, files).size() == 1);
  CHECK(check_documented("policies", std::vector<std::string>{"ss"}, files).size() == 1);
}

} // namespace lagrange::tidy
