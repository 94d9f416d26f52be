/// A throw-away certificate for 127.0.0.1 and localhost, made by the `openssl` program.
///
/// Shape: `cert` signs itself, so it is its own authority.
/// Errors: throws when openssl is missing or fails.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace furrow::tests {

struct certificate {
  std::filesystem::path folder;
  std::string cert;
  std::string key;

  /// `days`: how long it is valid from now; below 1 it has expired.
  explicit certificate(int days = 2) {
    std::string name = (std::filesystem::temp_directory_path() / "furrow_tls_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
      throw std::runtime_error{"no temporary folder"};
    folder = name;
    cert = (folder / "cert.pem").string();
    key = (folder / "key.pem").string();
    run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "
        + key + " -out " + cert);
    if (days == 2)
      return;
    const auto other = cert + ".new"; // `req` makes none that has expired
    run("openssl x509 -in " + cert + " -signkey " + key + " -days " + std::to_string(days)
        + " -out " + other);
    std::filesystem::rename(other, cert);
  }
  ~certificate() {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
  certificate(const certificate&) = delete;
  certificate& operator=(const certificate&) = delete;

private:
  static void run(const std::string& command) {
    if (std::system((command + " 2>/dev/null").c_str()) != 0)
      throw std::runtime_error{"openssl cannot make a certificate"};
  }
};

} // namespace furrow::tests
