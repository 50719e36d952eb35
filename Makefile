.DEFAULT_GOAL := help
.PHONY: help up down status watch console chaos dev check test failover clean
V := .venv/bin

help:            ## this table
	@awk -F ':.*## ' '/^[a-z]+:.*## /{sub(/:.*/,"",$$1); printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
up: .venv/lab    ## bring the lab up, with whatever it needs (REGIONS=1: one region only; DB=, LB=, MQ=: docs/designs.md)
	@$(V)/quorate up
down: .venv/lab  ## remove all of the lab and prove that nothing remains
	@$(V)/quorate down
status: .venv/lab ## show every part of the lab and what it does now
	@$(V)/quorate status
watch: .venv/lab ## see who is served and what happens, live; Ctrl-C ends it with a verdict
	@$(V)/quorate watch
console: .venv/lab ## both regions as a web page, live, with buttons to break and to mend
	@$(V)/quorate console
chaos: .venv/lab ## two minutes of random faults, watched and judged
	@$(V)/quorate chaos
dev: .venv/lab   ## the same services in one process, without containers
	@$(V)/quorate dev
check: .venv/test ## lint, types, imports, unit tests
	@tests/check
test: .venv/test ## every test that this machine can run
	@tests/run
failover: .venv/test ## break everything in turn and measure it: var/failover.md
	@$(V)/pytest tests/lab/test_failover.py tests/lab/test_storage.py tests/lab/test_regions.py --runs 3
clean:           ## remove the lab, the virtual environment and all that was generated
	@lab/clean

.venv/lab: requirements/lab.txt requirements/console.txt requirements/services.txt pyproject.toml
	@lab/make-venv lab
.venv/test: .venv/lab requirements/test.txt
	@lab/make-venv test
