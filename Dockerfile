# The image of every worker: one program that needs glibc and certificate authorities, and nothing else.
#
#   docker build -t hark .
#   docker run --rm hark --help
#
# The stages that the workers need are subcommands: `docker run hark enrich --config /etc/hark/hark.yaml`.
FROM rust:1.95-slim-bookworm AS build
# OpenSSL, librdkafka and SQLite are built from their sources and linked in.
# hadolint ignore=DL3008 # tools of the build only; what is shipped is pinned by Cargo.lock
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ gcc libc6-dev make perl \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# The toolchain that is here, without the components that developers use.
ENV RUSTUP_TOOLCHAIN=1.95.0
COPY . .
RUN cargo build --release --locked --package hark

# glibc, libgcc and the authorities of the public web; no shell, no package manager; user 65532.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /src/target/release/hark /usr/local/bin/hark
COPY --from=build /src/LICENSE /src/docs/models.md /usr/share/doc/hark/
USER 65532:65532
# Where the configuration is looked for unless told otherwise, and where relative paths in it start. Nothing is written here.
WORKDIR /etc/hark
EXPOSE 8787
# Asks /readyz. A worker that restores a large state is not ready for as long, hence the start period.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/usr/local/bin/hark", "health"]
ENTRYPOINT ["/usr/local/bin/hark"]
CMD ["--help"]
