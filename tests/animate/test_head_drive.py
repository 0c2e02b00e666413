"""Rows that drive a photo's head: whose shape, whose motion, which camera; and where its vertices are in the square."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.animate import crop, head_drive, paste
from jaxanim.core.errors import InputError
from jaxanim.geometry.open_head import load_open_head
from jaxanim.signals import head_angles
from jaxanim.signals.face_signal import INDEX
from jaxanim.tracking import face_tracks, surfaces
from tests.animate import heads

JAW, SMILE = INDEX["jawOpen"], INDEX["mouthSmileLeft"]


@pytest.fixture(scope="module")
def source():
    """A head that is turned by 10 degrees, smiles, and is somebody."""
    made = heads.track(heads.signal(degrees=[(10, 0, 0)], mouthSmileLeft=0.4))
    return dataclasses.replace(made, identity=np.linspace(-1, 1, 60, dtype=np.float32))


def test_absolute_rows_are_the_drivers_in_the_sources_shape(source):
    row = head_drive.source_row(source)
    rows = head_drive.absolute(row, heads.signal(degrees=[(0, 5, 0), (20, 0, 0)], jawOpen=[0, 0.5]))
    assert rows[:, JAW].tolist() == [0, 0.5]
    assert rows[:, SMILE].tolist() == [0, 0]
    np.testing.assert_allclose(rows[:, head_drive.DEGREES], [[0, 5, 0], [20, 0, 0]])
    np.testing.assert_allclose(rows[:, head_drive.ROW :], np.stack([source.identity] * 2))


def test_relative_rows_add_what_changes(source):
    row = head_drive.source_row(source)
    drive = heads.signal(degrees=[(5, 0, 0), (-20, 0, 0), (25, 0, 0)], jawOpen=[0.2, 0.7, 0.1])
    rows = head_drive.relative(row, drive, 0)
    np.testing.assert_allclose(rows[0], row, atol=1e-5)
    np.testing.assert_allclose(rows[:, JAW], [0, 0.5, -0.1], atol=1e-6)
    np.testing.assert_allclose(rows[:, SMILE], [0.4] * 3, atol=1e-6)
    np.testing.assert_allclose(rows[:, head_drive.DEGREES], [[10, 0, 0], [-15, 0, 0], [30, 0, 0]], atol=1e-4)
    limited = head_drive.limit(rows)
    assert limited.rows[2, JAW] == 0
    assert limited.turned_too_far == 0


def test_turns_compose_in_the_pictures_axes(source):
    """A driver who nods lets a head that is tilted by 90 degrees nod in the picture, not about its own ears."""
    row = head_drive.source_row(source)
    row[head_drive.DEGREES] = (0, 0, 90)
    rows = head_drive.relative(row, heads.signal(degrees=[(0, 0, 0), (0, 20, 0)]), 0)
    wanted = head_angles.to_matrix(np.array([0.0, 20, 0])) @ head_angles.to_matrix(np.array([0.0, 0, 90]))
    np.testing.assert_allclose(head_angles.to_matrix(rows[1, head_drive.DEGREES]), wanted, atol=1e-6)


def test_the_reference_is_the_frame_most_like_the_photo(source):
    row = head_drive.source_row(source)
    drive = heads.signal(degrees=[(-20, 0, 0), (10, 0, 0), (10, 0, 0)], mouthSmileLeft=[0.4, 0.0, 0.4])
    assert head_drive.nearest(row, drive) == 2
    np.testing.assert_allclose(head_drive.relative(row, drive)[2], row, atol=1e-5)


def test_a_frowning_driver_is_taken_with_a_shut_mouth(source):
    """Whose brows are most like the photo's while the mouth is open: a mouth at rest there could not open any more."""
    row = head_drive.source_row(source)
    row[head_drive.EXPRESSION] = 0
    drive = heads.signal(degrees=[(0, 0, 0)] * 3, browDownLeft=[0.9, 0, 0.9], jawOpen=[0.0, 0.4, 0.8])
    assert head_drive.nearest(row, drive) == 0
    assert head_drive.relative(row, drive)[2, JAW] == pytest.approx(0.8)


def test_limits_count_frames_not_numbers():
    rows = np.zeros((3, head_drive.ROW))
    rows[0, head_drive.DEGREES] = (80, -50, 0)
    rows[1, JAW] = 2
    limited = head_drive.limit(rows)
    assert limited.turned_too_far == 1
    assert limited.rows[0, head_drive.DEGREES].tolist() == [60, -40, 0]
    assert limited.rows[1, JAW] == 1


@pytest.mark.parametrize("box", [crop.Box(0, 0, 96, 96), crop.Box(-10, 20, 70, 70)])
def test_vertices_are_where_the_fit_has_them(source, box):
    """Of a box of 96 pixels three make one of 32; one of 70 is padded to 96, 13 pixels on each side."""
    head = load_open_head()
    place = paste.find_place(heads.photo(), box, (32, 32), mode="vanilla")
    row = jnp.asarray(head_drive.source_row(source), jnp.float32)[None]
    (ndc,) = head_drive.vertices_ndc(head, head_drive.view(source, place), row)
    fitted = surfaces.vertices_px(head, face_tracks.fit_of(source, 0))[0]
    corner = np.array([box.x, box.y]) - (96 - box.width) / 2
    np.testing.assert_allclose(corner + (np.asarray(ndc[:, :2]) + 1) * 48, fitted[:, :2], atol=2e-3)
    np.testing.assert_allclose(np.asarray(ndc[:, 2]) * 48, fitted[:, 2], atol=2e-2)


def test_refused(source):
    place = paste.find_place(heads.photo(), crop.Box(0, 0, 96, 48), (32, 32), mode="vanilla", fit="anisotropic")
    with pytest.raises(InputError, match="in a square, got 96x64"):
        head_drive.view(source, place)
    with pytest.raises(ValueError, match="one picture, got a track of 2"):
        head_drive.source_row(heads.track(heads.signal(degrees=[(0, 0, 0)] * 2)))
    square = paste.find_place(heads.photo(), crop.Box(0, 0, 96, 96), (32, 32), mode="vanilla")
    with pytest.raises(ValueError, match="rows must have 55 numbers"):
        head_drive.vertices_ndc(load_open_head(), head_drive.view(source, square), jnp.zeros((1, 54)))
