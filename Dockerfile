# syntax=docker/dockerfile:1

ARG RUST=1.95
ARG DEBIAN=bookworm

FROM rust:${RUST}-${DEBIAN} AS build
WORKDIR /src
COPY . .
# The toolchain of the image is used as it is: without the variable, rust-toolchain.toml would fetch another one.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    RUSTUP_TOOLCHAIN="$RUST_VERSION" cargo build --locked --release --package doorward \
    && install -m 0755 target/release/doorward /usr/local/bin/doorward

FROM debian:${DEBIAN}-slim
# A fixed number, so that the owner of a mounted volume can be set from outside.
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin doorward \
    && install --directory --mode 0700 --owner doorward --group doorward /var/lib/doorward \
    && install --directory --mode 0755 /etc/doorward
COPY LICENSE /usr/share/doc/doorward/LICENSE
COPY --from=build /usr/local/bin/doorward /usr/local/bin/doorward
USER 10001:10001
# A doorward.toml mounted here is read.
WORKDIR /etc/doorward
ENV DOORWARD_LISTEN=0.0.0.0:8080 \
    DOORWARD_DATA_DIR=/var/lib/doorward
VOLUME /var/lib/doorward
EXPOSE 8080
STOPSIGNAL SIGTERM
# There is no HEALTHCHECK: the image holds no HTTP client. Let the platform ask /debug/healthz and /debug/ready.
ENTRYPOINT ["/usr/local/bin/doorward"]
CMD ["serve"]
