/// \file
/// Certificates for tests, made with OpenSSL: an authority, and what it signs.
#pragma once

#include "runtime/transport/greeting.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

namespace lagrange::tests {

/// Keeps its own certificate and all that it issues as PEM files in a folder.
class authority {
public:
  authority(std::filesystem::path folder, std::string name)
      : folder_(std::move(folder)), name_(std::move(name)), key_(make_key()),
        certificate_(make_certificate(name_, key_.get(), 24)) {
    write(file(), [&](FILE* to) { return ::PEM_write_X509(to, certificate_.get()); });
  }

  std::filesystem::path file() const { return folder_ / (name_ + ".pem"); }

  /// The files of one process. Of `hours` below 0 the certificate has expired.
  runtime::transport::tls_files issue(const std::string& name, int hours = 24) const {
    const auto key = make_key();
    const auto signed_one = make_certificate(name, key.get(), hours);
    const runtime::transport::tls_files files{folder_ / (name + ".pem"), folder_ / (name + ".key"),
                                              file()};
    write(files.certificate, [&](FILE* to) { return ::PEM_write_X509(to, signed_one.get()); });
    write(files.key, [&](FILE* to) {
      return ::PEM_write_PrivateKey(to, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
    return files;
  }

private:
  struct free_key {
    void operator()(EVP_PKEY* x) const { ::EVP_PKEY_free(x); }
  };
  struct free_certificate {
    void operator()(X509* x) const { ::X509_free(x); }
  };
  using key_pointer = std::unique_ptr<EVP_PKEY, free_key>;
  using certificate_pointer = std::unique_ptr<X509, free_certificate>;

  static void expect(bool is_done) {
    if (!is_done) throw std::runtime_error("OpenSSL makes no certificate for a test");
  }
  static key_pointer make_key() {
    key_pointer made(::EVP_EC_gen("P-256"));
    expect(made != nullptr);
    return made;
  }

  /// Signed by this authority; its own one by itself.
  certificate_pointer make_certificate(const std::string& name, EVP_PKEY* key, int hours) const {
    certificate_pointer made(::X509_new());
    auto* x = made.get();
    ::X509_set_version(x, X509_VERSION_3);
    ::ASN1_INTEGER_set(::X509_get_serialNumber(x),
                       static_cast<long>(std::hash<std::string>()(name) >> 2));
    ::X509_gmtime_adj(::X509_getm_notBefore(x), -48 * 3600L);
    ::X509_gmtime_adj(::X509_getm_notAfter(x), hours * 3600L);
    ::X509_set_pubkey(x, key);
    name_it(::X509_get_subject_name(x), name);
    name_it(::X509_get_issuer_name(x), name_);
    const bool is_own = key == key_.get();
    auto* basic = ::X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints,
                                        is_own ? "critical,CA:TRUE" : "critical,CA:FALSE");
    expect(basic != nullptr && ::X509_add_ext(x, basic, -1) == 1);
    ::X509_EXTENSION_free(basic);
    expect(::X509_sign(x, key_.get(), ::EVP_sha256()) != 0);
    return made;
  }

  static void name_it(X509_NAME* whose, const std::string& name) {
    expect(::X509_NAME_add_entry_by_txt(whose, "CN", MBSTRING_ASC,
                                        reinterpret_cast<const unsigned char*>(name.c_str()), -1,
                                        -1, 0) == 1);
  }

  template <class Write>
  static void write(const std::filesystem::path& file, Write write_pem) {
    std::FILE* to = std::fopen(file.c_str(), "w");
    expect(to != nullptr);
    const bool is_done = write_pem(to) == 1;
    expect(std::fclose(to) == 0 && is_done);
  }

  std::filesystem::path folder_;
  std::string name_;
  key_pointer key_;
  certificate_pointer certificate_;
};

} // namespace lagrange::tests
