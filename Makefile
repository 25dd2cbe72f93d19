# `make up` runs Heed, `make test` tests it. Both need only Python 3.11 to 3.14 and make.
PYTHON ?= python3
IN_ENVIRONMENT = $(PYTHON) alignment_site/bootstrap.py
WORKERS ?= 2

.PHONY: up test test-slow check format openapi doctor

up:
	@$(IN_ENVIRONMENT) site manage.py heed

test:
	@$(IN_ENVIRONMENT) test -m pytest -n $(WORKERS) --dist loadfile -m "not slow and (not browser or smoke)" $(ARGS)

# First what only computes, one test on each core; then what measures, races, kills or drives a browser, alone. Pytest
# ends with 5 where ARGS left it nothing to do.
test-slow:
	@$(IN_ENVIRONMENT) all -m pytest -n $(WORKERS) --dist worksteal -m "slow and computes" $(ARGS); computed=$$?; \
	$(IN_ENVIRONMENT) all -m pytest -m "(slow and not computes) or (browser and not smoke)" $(ARGS); alone=$$?; \
	case "$$computed $$alone" in "0 0" | "0 5" | "5 0") ;; *) exit 1 ;; esac

check:
	@$(IN_ENVIRONMENT) all alignment_site/check.py

format:
	@$(IN_ENVIRONMENT) test alignment_site/check.py mend

openapi:
	@$(IN_ENVIRONMENT) test manage.py spectacular --validate --fail-on-warn --file labeling/api/openapi.yaml

doctor:
	@$(IN_ENVIRONMENT) site manage.py doctor
