// Any bytes as an object pool: rejected with a position, or a valid pool.
#include "can/isobus/ddop.hpp"
#include "tests/fuzz/fuzz_target.hpp"

#include <cstdlib>

FUZZ_TARGET(ddop) {
  using namespace furrow::can;
  const auto pool = parse_ddop({data, size});
  if (!pool) {
    if (pool.error().detail.empty() || pool.code() == ddop_errc::none)
      std::abort();
    return 0;
  }
  const auto objects = 1 + pool->elements.size() + pool->process_data.size()
                       + pool->properties.size() + pool->presentations.size();
  constexpr std::size_t object_bytes_min = 5; // tag and id
  if (objects * object_bytes_min > size)
    std::abort();
  std::size_t found = 0;
  for (const auto& element : pool->elements)
    for (const auto id : element.objects)
      for (const auto& one : pool->process_data)
        found += one.id == id && pool->find(element.number, one.ddi) != nullptr ? 1 : 0;
  for (const auto& one : pool->properties)
    if (const auto* presentation = pool->presentation(one.presentation))
      found += presentation->present(one.value) > 0 ? 1 : 0;
  return found == ~std::size_t{0} ? 1 : 0;
}
