# 関所 Sekisho. What to type: `make serve` to run it, `make test` to check it. Nothing else is needed first.
#
# Needs: make, and Python 3.11 to 3.13 with venv. Everything is put into .venv beside this file.
#   PYTHON=/path/to/python3.12   choose the Python that .venv is made with
#   ARGS="--port 9000"           passed on to `sekisho serve` or to pytest
#   JOBS=4                       run the tests in so many processes (0: in one, which shows more of a failure)

# Some machines set this for containers. Here it would cost seconds at every start.
unexport PYTHONDONTWRITEBYTECODE
export PYTHON

# A stamp is good for this folder only: a copied .venv would still run the code it was copied from.
HERE := $(shell pwd | cksum | cut -d ' ' -f 1)
RUN  := .venv/.run-$(HERE)
DEV  := .venv/.dev-$(HERE)
BIN  := .venv/bin

# Two processes share the tests, a file at a time; each loads the detector, so more of them want more memory.
JOBS   := 2
SHARED := -n $(JOBS) --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help install serve test test-long lint lock bench bench-detectors bench-leaks bench-first-byte bench-ledger bench-decisions bench-attacks bench-quotas bench-search clean

help:
	@echo 'make serve      関所を動かす               install what is missing, then serve on 127.0.0.1:8080'
	@echo 'make test       すべて検査する             lint, types and every test'
	@echo 'make test-long  数分かかる試験も行う       the tests that take minutes, too'
	@echo 'make install    準備だけ行う               set up .venv only'
	@echo 'make lint       書き方と型だけ検査する     ruff and mypy only'
	@echo 'make bench      起動時間とメモリを測る     measure cold start and memory'
	@echo 'make bench-detectors  Presidio・GiNZAと並べて測る  measure detection beside Presidio and GiNZA'
	@echo 'make bench-leaks  LiteLLM Proxyと並べて試す      the same probes beside LiteLLM Proxy with Presidio'
	@echo 'make bench-first-byte  待ち時間を素通しと並べて測る  time to first byte beside a bare passthrough'
	@echo 'make bench-ledger  台帳の速さとメモリを測る        how fast the ledger records, exports and verifies'
	@echo 'make bench-decisions  規則200件の判定の速さを測る   what one decision costs at 200 rules'
	@echo 'make bench-attacks AIをだます言葉の見つけ方を測る how many prompt attacks the word lists catch'
	@echo 'make bench-quotas  上限の確認が何ミリ秒かかるかを測る what a limit costs an exchange'
	@echo 'make bench-search  百万件の記録からさがす速さを測る    how quickly exchanges are found among a million records'
	@echo 'make lock       依存関係を固定し直す       write the lock files anew (UPGRADE=--upgrade for newer versions)'
	@echo 'make clean      作業ファイルを消す         remove .venv and caches; never var/'

$(RUN): requirements.lock pyproject.toml deploy/install.sh
	@sh deploy/install.sh requirements.lock
	@touch $@

$(DEV): requirements-dev.lock $(RUN)
	@sh deploy/install.sh requirements-dev.lock
	@touch $@

install: $(RUN)
	@echo '[関所] 準備ができました。 Ready: make serve'

serve: $(RUN)
	@exec $(BIN)/sekisho serve $(ARGS)

lint: $(DEV)
	@echo '[関所] 書き方を検査します。 Checking style (ruff).'
	@$(BIN)/ruff check -q .
	@$(BIN)/ruff format -q --check .
	@echo '[関所] 型を検査します。 Checking types (mypy --strict).'
	@$(BIN)/mypy --no-error-summary

test: lint
	@echo '[関所] 試験を行います。 Running the tests.'
	@$(BIN)/python -m pytest $(SHARED) --requirements=docs/requirements.md $(ARGS)

test-long: lint
	@echo '[関所] 長い試験も含めて行います。 Running every test, the long ones too.'
	@$(BIN)/python -m pytest $(SHARED) -m '' --timeout 1800 --requirements=docs/requirements.md $(ARGS)

bench: $(RUN)
	@$(BIN)/python tests/benchmarks/cold_start.py $(ARGS)

# In an environment of its own: GiNZA asks for an older SudachiPy than ours.
PEERS := .venv/peers
bench-detectors: $(RUN)
	@echo '[関所] Presidio と GiNZA を別に用意し、並べて測ります(数分)。 Measuring beside Presidio and GiNZA; takes minutes.'
	@test -x $(PEERS)/bin/python || $(BIN)/uv venv -q --python $(BIN)/python $(PEERS)
	@$(BIN)/uv pip sync -q --python $(PEERS)/bin/python --require-hashes tests/benchmarks/presidio-ginza.lock
	@$(BIN)/python tests/benchmarks/detectors.py $(PEERS)/bin/python $(ARGS)

# LiteLLM Proxy with Presidio, in an environment of its own.
RIVAL := .venv/litellm-proxy
bench-leaks: $(DEV)
	@echo '[関所] LiteLLM と Presidio を別に用意し、同じ問いを並べて試します(約7分)。 The same probes beside LiteLLM with Presidio; about 7 minutes.'
	@test -x $(RIVAL)/bin/python || $(BIN)/uv venv -q --python $(BIN)/python $(RIVAL)
	@$(BIN)/uv pip sync -q --python $(RIVAL)/bin/python --require-hashes tests/benchmarks/litellm-proxy.lock
	@$(BIN)/python tests/benchmarks/leaks.py $(RIVAL)/bin/python $(ARGS)

bench-first-byte: $(RUN)
	@echo '[関所] 最初の1バイトまでの時間を、素通しと並べて測ります(約12分)。 Time to first byte beside a bare passthrough; about 12 minutes.'
	@$(BIN)/python tests/benchmarks/first_byte.py $(ARGS)

bench-ledger: $(DEV)
	@echo '[関所] 台帳の記録・書き出し・検証の速さを測ります(約10分)。 How fast the ledger is; about 10 minutes.'
	@$(BIN)/python tests/benchmarks/ledger.py $(ARGS)

bench-decisions: $(RUN)
	@$(BIN)/python tests/benchmarks/decisions.py $(ARGS)

bench-attacks: $(DEV)
	@$(BIN)/python tests/benchmarks/attacks.py $(ARGS)

bench-quotas: $(DEV)
	@echo '[関所] 上限の確認にかかる時間と待ちを測ります(約1分)。 What a limit costs an exchange; about a minute.'
	@$(BIN)/python tests/benchmarks/quotas.py $(ARGS)

bench-search: $(DEV)
	@echo '[関所] 百万件の記録からさがす速さを測ります(約30分)。 How quickly exchanges are found; about half an hour.'
	@$(BIN)/python tests/benchmarks/searching.py $(ARGS)

# No registry's address is written into a lock, so that it serves behind any mirror.
COMPILE = $(BIN)/uv pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url --no-header -q $(UPGRADE)

lock: $(RUN)
	@echo '[関所] 依存関係を固定します。 Writing requirements.lock and requirements-dev.lock.'
	@$(COMPILE) --extra build -o requirements.lock
	@$(COMPILE) --extra dev --extra build -c requirements.lock -o requirements-dev.lock
	@$(BIN)/uv pip compile tests/benchmarks/presidio-ginza.in --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q $(UPGRADE) -o tests/benchmarks/presidio-ginza.lock
	@$(BIN)/uv pip compile tests/benchmarks/litellm-proxy.in --override tests/benchmarks/litellm-proxy.overrides --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q $(UPGRADE) -o tests/benchmarks/litellm-proxy.lock

clean:
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis dist
	@find proxy policies redaction audit tests -name __pycache__ -prune -exec rm -rf {} +
	@echo '[関所] .venv と作業ファイルを消しました。var/ は残しています。 Removed .venv and caches; var/ is kept.'
