# Each target makes what it needs, so that every one works on a fresh clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What is never imported need not be compiled.
INSTALL := $(BIN)/python -m pip install --quiet --no-compile
JOBS ?= $(shell getconf _NPROCESSORS_ONLN)

CODE := __init__.py __main__.py bench models results tasks tests

# What docs/tables is made of; needs Omniglot.
LAKE := lake-runs lake-within-20w1s lake-between-5w1s lake-between-20w1s
VINYALS := vinyals-5w1s-rot vinyals-5w5s-rot vinyals-20w1s-rot vinyals-20w5s-rot
PUBLISHED := docs/tables

# The recipes of docs/backbones.md.
RECIPES := $(addprefix common-,conv-4 glyphnet resnet18 resnet18-eca vgg16 vgg16-fast vgg16-bn koch)
SEEDS := 1 2 3

# A peer, in an environment of its own.
PEER := .venv-easyfsl

.PHONY: run test slow extras check format bench scale coverage recipes tables backbones reliability fuzz lowest smoke clean

run: $(VENV)/installed
	$(BIN)/wayshot run --episodes 400 --jobs $(JOBS)

test: $(VENV)/tested
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not slow"

# What takes long: fuzzing, simulations, whole networks, long pages of the documents, every kind of
# method.
slow: $(VENV)/tested
	$(BIN)/python -m pytest -n $(JOBS) -m slow

# What `make test` skips: inference engines, and Keras on PyTorch and JAX.
OPTIONAL := tests/models/engines tests/models/networks/test_layers.py tests/models/test_bundled.py \
    tests/models/training/test_training.py tests/models/training/test_devices.py
extras: $(VENV)/extras
	$(BIN)/python -m pytest -n $(JOBS) $(OPTIONAL)

check: $(VENV)/checked build/types
	$(BIN)/ruff check bench models tasks results tests
	$(BIN)/ruff format --check bench models tasks results tests
	$(BIN)/pyright

format: $(VENV)/checked
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

# About ten minutes; nothing else should run meanwhile.
bench: $(VENV)/timed $(PEER)/installed
	@mkdir -p build
	WAYSHOT_EASYFSL=$(abspath $(PEER))/bin/python $(BIN)/python -m pytest tests/benchmarks/bench_*.py \
	    --benchmark-only --benchmark-json=build/benchmarks.json --benchmark-columns=min,median,rounds -q -s
	$(BIN)/python tests/benchmarks/report.py build/benchmarks.json > build/performance.md
	mv build/performance.md docs/performance-table.md

# About twenty minutes on two cores, on which nothing else should run.
scale: $(VENV)/tested
	$(BIN)/python tests/benchmarks/cluster_study.py
	$(BIN)/python tests/benchmarks/schedule_study.py

# About an hour of processor time, shared by two cores. coverage_study.py --part NAME prints one of
# its tables; edge_study.py beside it, which takes ten minutes, is what docs/coverage.md says of
# other intervals.
coverage: $(VENV)/tested
	@mkdir -p build
	$(BIN)/python tests/benchmarks/coverage_study.py --jobs $(JOBS) > build/coverage.md
	mv build/coverage.md docs/coverage-table.md

# Two or three hours on one core; needs Omniglot, and goes on where it was stopped. PyTorch, with
# KERAS_BACKEND=torch, is about twice as fast as TensorFlow.
recipes: export OMP_NUM_THREADS := 1
recipes: export TF_NUM_INTRAOP_THREADS := 1
recipes: export TF_NUM_INTEROP_THREADS := 1
recipes: $(VENV)/tested
	$(BIN)/python tests/benchmarks/recipe_study.py
	$(BIN)/python tests/benchmarks/recipe_study.py --table > build/recipes.md
	mv build/recipes.md docs/recipes-table.md

# From nothing, as runs of what the scorers were before would stand beside theirs of today.
tables: $(VENV)/installed
	rm -rf build/published && mkdir -p build
	$(BIN)/wayshot run $(LAKE) --runs build/published/lake --jobs $(JOBS) \
	    -s siamese-small -s siamese-resnet18-eca -s hausdorff -s pixel-cosine -s chance
	$(BIN)/wayshot run $(VINYALS) --runs build/published/vinyals --jobs $(JOBS) --episodes 10000 \
	    -s siamese-small -s pixel-cosine -s chance
	for table in lake vinyals; do for form in github:md latex:tex csv:csv; do \
	    $(BIN)/wayshot table build/published/$$table --published --format $${form%:*} \
	        > build/table && mv build/table $(PUBLISHED)/$$table.$${form#*:} || exit 1; \
	done; done
	rm -rf $(PUBLISHED)/records/lake $(PUBLISHED)/records/vinyals && mkdir -p $(PUBLISHED)/records
	cd build/published && find . -name record.json | tar cf - -T - | tar xf - -C ../../$(PUBLISHED)/records

# Of the stored runs; or with TRAIN=1 of networks that are trained first, which takes days on two
# cores, needs Omniglot, and goes on where it was stopped.
backbones: $(VENV)/installed
	rm -rf build/backbones/runs && mkdir -p build/backbones/runs
ifdef TRAIN
	for recipe in $(RECIPES); do for seed in $(SEEDS); do \
	    out=build/backbones/$$recipe-$$seed; resume=; \
	    if [ -e $$out/checkpoint.npz ]; then resume=--resume; fi; \
	    [ -e $$out/$$recipe.keras ] || \
	        $(BIN)/wayshot train $$recipe --seed $$seed --out $$out $$resume || exit 1; \
	    $(BIN)/wayshot run $(LAKE) --episodes 1000 --runs build/backbones/runs \
	        -s $$out/$$recipe.keras || exit 1; \
	done; done
else
	$(BIN)/python -m tarfile -e $(PUBLISHED)/backbones.tar.xz build/backbones
endif
	for form in github:md latex:tex csv:csv; do \
	    $(BIN)/wayshot table build/backbones/runs --columns params,flops --format $${form%:*} \
	        > build/table && mv build/table $(PUBLISHED)/backbones.$${form#*:} || exit 1; \
	done
	rm -rf $(PUBLISHED)/records/backbones && mkdir -p $(PUBLISHED)/records/backbones
	cd build/backbones/runs && find . -name record.json | tar cf - -T - | \
	    tar xf - -C ../../../$(PUBLISHED)/records/backbones
	$(BIN)/wayshot compare common-resnet18-eca common-resnet18 --runs build/backbones/runs --margin 0.5

# An hour or two on one core. It goes on where it was stopped, and begins anew after `make clean`.
reliability: $(VENV)/tested
	@mkdir -p build
	$(BIN)/python tests/reliability/report.py > build/reliability.md
	mv build/reliability.md docs/reliability-table.md

# A million inputs each, half an hour on one core. Zips in four runs, as atheris keeps the result
# of every comparison of arrays in memory.
MILLION := $(addsuffix :1000000,protocol labels record recipe image) \
    $(foreach part,1 2 3 4,archive:250000)
fuzz: $(VENV)/tested
	$(INSTALL) atheris
	for job in $(MILLION); do \
	    $(BIN)/python tests/fuzz/run_atheris.py $${job%:*} $${job#*:} || exit 1; done

lowest:
	$(PYTHON) -m venv build/lowest
	build/lowest/bin/python -m pip install --quiet -c constraints-lowest.txt --editable '.[test]'
	build/lowest/bin/python -m pytest -n $(JOBS)

smoke: $(VENV)/installed
	$(BIN)/python tests/smoke/smoke.py --with-these-libraries

clean:
	rm -rf $(VENV) $(PEER) build dist *.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || \
	    { echo "wayshot needs Python 3.11 or newer; name one: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python setup.cfg pyproject.toml
	$(INSTALL) --editable .
	@touch $@

$(VENV)/tested: $(VENV)/bin/python setup.cfg pyproject.toml
	$(INSTALL) --editable '.[test]'
	@touch $(VENV)/installed $@

$(VENV)/checked: $(VENV)/bin/python setup.cfg pyproject.toml
	$(INSTALL) --editable '.[test,check]'
	@touch $(VENV)/installed $(VENV)/tested $@

# In the versions that continuous integration has seen pass.
$(VENV)/extras: $(VENV)/tested constraints-extras.txt
	$(INSTALL) -c constraints-extras.txt --editable '.[test,engines,torch,jax]'
	@touch $@

$(VENV)/timed: $(VENV)/tested
	$(INSTALL) --editable '.[test,engines]'
	@touch $@

$(PEER)/installed:
	$(PYTHON) -m venv $(PEER)
	$(PEER)/bin/python -m pip install --quiet easyfsl
	@touch $@

# Lets pyright see the packages under the name they are installed by.
build/types:
	@mkdir -p $@
	@ln -sfn ../.. $@/wayshot
