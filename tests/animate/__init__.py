"""Tests of jaxanim.animate."""
