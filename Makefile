# make demo   install into .venv, animate the character that ships with jaxanim, and the head in a photo
# make test   install everything into .venv and run all checks and tests
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
GREETING := jaxanim/assets/tracks/greeting.csv
# Eileen Collins, photographed by NASA, public domain; the picture comes with scikit-image.
PORTRAIT := "import skimage.io, skimage.data; skimage.io.imsave('demo-output/astronaut.png', skimage.data.astronaut())"

.PHONY: demo test sweep clean

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

demo: $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check .
	mkdir -p demo-output
	$(BIN)/jaxanim animate --motion talk --seed 7 --duration 6 -o demo-output/talk.mp4
	$(BIN)/jaxanim animate --pose mouth_aaa=0.8,eye_happy_wink=1,mouth_raised_corner=1,neck_z=0.6 -o demo-output/laugh.png
	$(BIN)/jaxanim sheet -o demo-output/sheet.png
	$(BIN)/python -c $(PORTRAIT)
	$(BIN)/jaxanim animate demo-output/astronaut.png --system geometric --drive $(GREETING) -o demo-output/astronaut_geometric.mp4
	$(BIN)/jaxanim animate demo-output/astronaut.png --system gdpw --drive $(GREETING) -o demo-output/astronaut_gdpw.mp4
	$(BIN)/jaxanim sheet demo-output/astronaut.png demo-output/astronaut_geometric.mp4 demo-output/astronaut_gdpw.mp4 \
		--count 6 --size 320 --crop 116,0,208 -o demo-output/astronaut_sheet.png
	@echo
	@echo "Done. Look at:"
	@echo "  $(CURDIR)/demo-output/talk.mp4    a character talking and looking around"
	@echo "  $(CURDIR)/demo-output/laugh.png   one pose, transparent background"
	@echo "  $(CURDIR)/demo-output/sheet.png   twenty-four poses"
	@echo "  $(CURDIR)/demo-output/astronaut_geometric.mp4   a photo moved by a mesh, without a network"
	@echo "  $(CURDIR)/demo-output/astronaut_gdpw.mp4        the same photo, by the network that ships with jaxanim"
	@echo "  $(CURDIR)/demo-output/astronaut_sheet.png       photo and both, side by side"

test: $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[export,train,demo,dev]"
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/python -m pytest -m 'not sweep' --numprocesses=2 --dist=loadfile --no-loadscope-reorder --cov --cov-report=term --durations=30

# the kernels' tests on every input and at every real size, an hour or more; `make test` takes one of each kind
sweep: $(BIN)/python
	$(BIN)/python -m pytest -m sweep --numprocesses=2 --dist=loadfile

clean:
	rm -rf $(VENV) demo-output build dist .pytest_cache .mypy_cache .ruff_cache
