# The commands that people type; the building itself is Meson's.

BUILD := build/release
PARAMEM := $(BUILD)/cli/paramem

.PHONY: all demo check check-all fuzz coverage compare bench bench-guard bench-guard-guest bench-request format install clean

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet

$(BUILD)/build.ninja:
	@tools/setup build
	@meson setup $(BUILD) --buildtype=release >/dev/null

# A Linux guest whose memory grows and shrinks before your eyes.
demo: all
	@tools/setup guest
	@tools/guest-image >/dev/null
	@tools/in-kvm --timeout 300 -- tools/demo $(PARAMEM)

# The tests, in a quarter of an hour; see tools/check.
check:
	@tools/check

# Every test there is, on each pair of kernels, which takes hours without KVM.
check-all:
	@tools/check --all

# Every fuzz target for FUZZ_SECONDS of processor time; see tools/fuzz.
fuzz:
	@tools/fuzz

# How much of the library the unit tests run; see tools/coverage.
coverage:
	@tools/coverage

# Against QEMU, in the same run; see docs/benchmarks.md.
bench: all
	@tools/setup guest nested
	@tools/guest-image >/dev/null
	@tools/in-kvm --timeout 3600 -- bench/guest --paramem $(PARAMEM)

# What a request costs; see docs/benchmarks.md. No KVM is needed.
bench-request: all
	@tools/setup nested
	@$(BUILD)/bench/bench-request $(PARAMEM)

# What the guard costs the host; see docs/benchmarks.md. No KVM is needed.
bench-guard: all
	@$(BUILD)/bench/bench-guard

# The longest that a request holds the main loop; see docs/benchmarks.md.
bench-turn: all
	@$(BUILD)/bench/bench-turn

# What the guard costs a guest that behaves; see docs/benchmarks.md.
bench-guard-guest: all
	@tools/setup guest nested
	@tools/guest-image >/dev/null
	@tools/in-kvm --count --cpus 1 --timeout 3600 -- \
		bench/guest-guard --paramem $(PARAMEM)

# The same random requests to paramem and to QEMU; see docs/conformance.md.
compare: all
	@tools/setup nested
	@$(BUILD)/tests/qtest/compare/compare --paramem $(PARAMEM)

format:
	@tools/sources | xargs clang-format -i

install: all
	@meson install -C $(BUILD)

clean:
	@rm -rf build
