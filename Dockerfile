# Two images: `sluice`, the load balancer, and `bookstore`, the demo's server.
#
#   docker build --target sluice -t sluice .
#   docker run --read-only --tmpfs /tmp -v ./sluice.yaml:/etc/sluice/sluice.yaml:ro -v sluice:/var/lib/sluice -p 8080:8080 sluice
#
# BASE is any image with Node >= 24.18.1, npm and a shell; on a Debian one ping is installed when it is missing (health
# checks of type icmp use it). Nothing runs as root, nothing is written outside /var/lib/sluice and /tmp.
ARG BASE=node:26-slim

FROM ${BASE} AS build
WORKDIR /build
COPY . .
# The bundled Nodes are for hosts with an old one; after the build only what runs is kept.
RUN npm ci --ignore-scripts --no-audit --no-fund \
 && npm run build \
 && npm prune --ignore-scripts --omit=dev --omit=optional --no-audit --no-fund \
 && rm -rf node_modules/.cache

FROM ${BASE} AS runtime
RUN command -v ping >/dev/null \
 || (apt-get update && apt-get install -y --no-install-recommends iputils-ping && rm -rf /var/lib/apt/lists/*)
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /build/package.json /build/LICENSE /build/CHANGELOG.md ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY --from=build /build/config config
# A file mounted at /etc/sluice/sluice.yaml keeps its data and its own certificates beside it: both lie in the volume.
RUN printf '#!/bin/sh\nexec node --disable-sigusr1 --single-threaded-gc --max-semi-space-size=8 /app/dist/main.js "$@"\n' >/usr/local/bin/sluice \
 && chmod 755 /usr/local/bin/sluice \
 && mkdir -p /etc/sluice /var/lib/sluice/data /var/lib/sluice/certs \
 && ln -s /var/lib/sluice/data /etc/sluice/data \
 && ln -s /var/lib/sluice/certs /etc/sluice/certs \
 && chown -R 10001:10001 /var/lib/sluice
ENV HOME=/var/lib/sluice
WORKDIR /var/lib/sluice
VOLUME /var/lib/sluice
USER 10001:10001
STOPSIGNAL SIGTERM

FROM runtime AS bookstore
ENV HOST=0.0.0.0 PORT=3000 DB=/var/lib/sluice/data/bookstore.db
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then((a) => process.exit(a.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "--disable-sigusr1", "/app/dist/bookstore/server.js"]

# Last, so that a build without --target makes it.
FROM runtime AS sluice
EXPOSE 8080 8443
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 CMD ["sluice", "health"]
ENTRYPOINT ["sluice"]
CMD ["run"]
