// What a job's [security] table admits: all of TLS or none of it, and a token nobody else has.
#include "runtime/job_security.hpp"

#include "tests/support/certificates.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>
#include <sys/stat.h>

using namespace lagrange;
using namespace lagrange::runtime;

namespace {

job parsed(const std::string& toml, const std::string& origin = "job.toml") {
  const auto x = parse_job(toml, origin, {}, catalog::standard());
  if (!x) FAIL(x.error().text);
  return x.value();
}

std::string refusal(const std::string& keys) {
  const auto x = read_security(parsed("[security]\n" + keys));
  REQUIRE_FALSE(x);
  CHECK(x.error().code == errc::bad_argument);
  return x.error().text;
}

std::string toml_of(const transport::tls_files& files) {
  return "tls = true\ncertificate = \"" + files.certificate.string() + "\"\nkey = \"" +
         files.key.string() + "\"\nauthority = \"" + files.authority.string() + "\"\n";
}

} // namespace

TEST_CASE("a job draws a token of its own, and uses no TLS, unless it says otherwise",
          "[runtime][job]") {
  const auto one = read_security(parsed(""));
  const auto other = read_security(parsed(""));
  REQUIRE(one);
  CHECK(one.value().token != other.value().token);
  CHECK(one.value().token != transport::job_token{});
  CHECK_FALSE(one.value().tls);
}

TEST_CASE("a job's token is read from its file, which others may not read", "[runtime][job]") {
  const tests::temporary_folder folder;
  const auto token = transport::draw_token();
  const auto file = folder.write("token", transport::to_text(token) + "\n");
  ::chmod(file.c_str(), 0600);
  // Relative to the config's folder, wherever the program starts.
  const auto x =
      parsed("[security]\ntoken_file = \"token\"", (folder.path() / "job.toml").string());
  CHECK(x.security.token_file == file);
  CHECK(read_security(x).value().token == token);
  ::chmod(file.c_str(), 0644);
  CHECK_THAT(refusal("token_file = \"" + file + "\""),
             Catch::Contains("job.toml:2: security.token_file = ") && Catch::Contains("chmod 600"));
  CHECK_THAT(refusal("token_file = \"/gone\""), Catch::Contains("/gone: No such file"));
}

TEST_CASE("a job under TLS gets its three files, checked", "[runtime][job]") {
  const tests::temporary_folder folder;
  const tests::authority authority(folder.path(), "authority");
  const auto files = authority.issue("node");
  const auto x = read_security(parsed("[security]\n" + toml_of(files)));
  REQUIRE(x);
  REQUIRE(x.value().tls);
  CHECK(x.value().tls->key == files.key);
  CHECK_THAT(refusal(toml_of(authority.issue("old", -1))),
             Catch::Contains("job.toml:2: security.tls = true: ") && Catch::Contains("expired"));
}

TEST_CASE("TLS without one of its files is refused, and the key to set is named",
          "[runtime][job]") {
  CHECK_THAT(refusal("\ntls = true"),
             Catch::Contains("job.toml:3: security.tls = true: ") &&
                 Catch::Contains("security.certificate and security.key and security.authority"));
  const auto some = refusal("tls = true\ncertificate = \"/a\"\nkey = \"/b\"\nauthority = \"none\"");
  CHECK_THAT(some, Catch::EndsWith("set security.authority"));
}

TEST_CASE("a certificate without TLS is refused: whoever names one means to be encrypted",
          "[runtime][job]") {
  CHECK_THAT(refusal("certificate = \"/a.pem\"\nkey = \"/a.key\""),
             Catch::Contains("job.toml:2: security.certificate = \"/a.pem\"") &&
                 Catch::Contains("security.tls = true") &&
                 Catch::Contains("job.toml:3: security.key"));
}

TEST_CASE("a job under TLS is written as it was read", "[runtime][job]") {
  const auto x = parsed("[security]\ntls = true\ncertificate = \"/a\"\nkey = \"/b\"");
  CHECK(parsed(to_toml(x)) == x);
  CHECK(x.security.authority.empty());
  CHECK_THAT(to_toml(x), Catch::Contains("authority   = \"none\""));
}
