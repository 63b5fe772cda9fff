# SPDX-License-Identifier: GPL-2.0
# Debian packages of the tool and of its exporter.

.PHONY: deb
deb: ## build Debian packages into build/deb: the tool, and the exporter as a service
	@scripts/packages tool deb
	@scripts/make-deb
