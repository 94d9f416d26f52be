/// A throw-away authority of a cluster, and certificates of its nodes and gateways, made by the `openssl` program.
///
/// Errors: throws when openssl is missing or fails.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace furrow::tests {

struct node_certificate {
  std::string cert;
  std::string key;
};

class cluster_authority {
public:
  cluster_authority() {
    std::string name = (std::filesystem::temp_directory_path() / "furrow_ca_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
      throw std::runtime_error{"no temporary folder"};
    folder_ = name;
    run("openssl req -x509 " + new_key() + " -days 2 -subj /CN=authority -keyout " + file("ca.key")
        + " -out " + cert());
  }
  ~cluster_authority() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  cluster_authority(const cluster_authority&) = delete;
  cluster_authority& operator=(const cluster_authority&) = delete;

  [[nodiscard]] std::string cert() const { return file("ca.pem"); }

  /// Signs a certificate with that DNS name; `usage` empty: without an extended key usage.
  [[nodiscard]] node_certificate issue(const std::string& node,
                                       const std::string& usage = "serverAuth,clientAuth",
                                       int days = 2) const {
    return issue_for("DNS:" + node, usage, days, node);
  }
  /// As the extension subjectAltName has them: "URI:furrow:north/T1,DNS:t1".
  [[nodiscard]] node_certificate issue_for(const std::string& names,
                                           const std::string& usage = "clientAuth",
                                           int days = 2,
                                           const std::string& subject = "gateway") const {
    const auto base = file(std::to_string(++count_));
    std::ofstream{base + ".ext"} << "subjectAltName=" << names << "\n"
                                 << (usage.empty() ? "" : "extendedKeyUsage=" + usage + "\n");
    run("openssl req " + new_key() + " -subj /CN=" + subject + " -keyout " + base + ".key -out "
        + base + ".csr");
    run("openssl x509 -req -in " + base + ".csr -CA " + cert() + " -CAkey " + file("ca.key")
        + " -set_serial " + std::to_string(count_) + " -days " + std::to_string(days) + " -extfile "
        + base + ".ext -out " + base + ".pem");
    return {base + ".pem", base + ".key"};
  }

private:
  static std::string new_key() { return "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"; }
  [[nodiscard]] std::string file(const std::string& name) const {
    return (folder_ / name).string();
  }
  static void run(const std::string& command) {
    if (std::system((command + " 2>/dev/null").c_str()) != 0)
      throw std::runtime_error{"openssl cannot do: " + command};
  }

  std::filesystem::path folder_;
  mutable int count_ = 0;
};

} // namespace furrow::tests
