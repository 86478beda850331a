# An image with the command alone: it runs pipelines of compiled components. Building steps in Rust or Python
# needs cargo or Python, which are not in it.
#
#     docker build --tag stillbox .
#     docker run --rm --volume "$PWD:/work" --workdir /work stillbox run pipeline.toml

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --profile dist --locked --package stillbox-cli
# The runtime of steps in JavaScript becomes part of the command.
RUN rustup target add wasm32-wasip2 && target/dist/stillbox build guest-sdk/javascript/runtime --out target/javascript-runtime.wasm
RUN STILLBOX_EMBED_JAVASCRIPT_RUNTIME=/src/target/javascript-runtime.wasm cargo build --profile dist --locked --package stillbox-cli

# glibc, libgcc, the root certificates and no shell.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /src/target/dist/stillbox /usr/local/bin/stillbox
ENTRYPOINT ["/usr/local/bin/stillbox"]
