"""People made from formulas on the open head: still pictures and clips with exact ground truth.

`person` says what somebody looks like, `motion` how they move, `scene` what is around them; `figure` turns a person
into meshes and a texture, `frame` draws them. Lengths are units of `open_head.model.METRES` unless said otherwise.
"""
