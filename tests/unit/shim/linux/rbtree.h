/* SPDX-License-Identifier: MIT */
/*
 * The part of the kernel's tree interface that the extent table uses, over a
 * tree of our own: a treap, whose nodes stand in order by place and in a heap
 * by a random rank. It has other shapes than the kernel's tree, and that is
 * welcome: the table may rely on the order only.
 */
#ifndef CARVE_SHIM_RBTREE_H
#define CARVE_SHIM_RBTREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rb_node {
	struct rb_node *rb_parent;
	struct rb_node *rb_left;
	struct rb_node *rb_right;
	uint32_t rank;
};

struct rb_root {
	struct rb_node *rb_node;
	uint32_t ranks;		/* the last one given */
};

#define RB_ROOT (struct rb_root){ NULL, 1 }
#define rb_entry(node, type, member) \
	((type *)((char *)(node) - offsetof(type, member)))

static inline void rb_link_node(struct rb_node *node, struct rb_node *parent,
				struct rb_node **link)
{
	node->rb_parent = parent;
	node->rb_left = node->rb_right = NULL;
	*link = node;
}

/* What points down to @node: a member of its parent, or the root. */
static inline struct rb_node **rb_link_of(struct rb_node *node,
					  struct rb_root *root)
{
	struct rb_node *parent = node->rb_parent;

	if (!parent)
		return &root->rb_node;
	return parent->rb_left == node ? &parent->rb_left : &parent->rb_right;
}

/* @node and its parent change places, what stands between them changes side. */
static inline void rb_raise(struct rb_node *node, struct rb_root *root)
{
	struct rb_node *parent = node->rb_parent, *between;

	*rb_link_of(parent, root) = node;
	if (parent->rb_left == node) {
		between = parent->rb_left = node->rb_right;
		node->rb_right = parent;
	} else {
		between = parent->rb_right = node->rb_left;
		node->rb_left = parent;
	}
	if (between)
		between->rb_parent = parent;
	node->rb_parent = parent->rb_parent;
	parent->rb_parent = node;
}

static inline void rb_insert_color(struct rb_node *node, struct rb_root *root)
{
	root->ranks = root->ranks * 1664525 + 1013904223;
	node->rank = root->ranks;
	while (node->rb_parent && node->rb_parent->rank < node->rank)
		rb_raise(node, root);
}

/* Whether @node went through rb_insert_color(): no two ranks are the same. */
static inline bool rb_is_ranked(const struct rb_node *node)
{
	return !node->rb_parent || node->rank < node->rb_parent->rank;
}

static inline void rb_erase(struct rb_node *node, struct rb_root *root)
{
	struct rb_node *child;

	while (node->rb_left && node->rb_right)
		rb_raise(node->rb_left->rank > node->rb_right->rank ?
				 node->rb_left : node->rb_right, root);
	child = node->rb_left ? node->rb_left : node->rb_right;
	if (child)
		child->rb_parent = node->rb_parent;
	*rb_link_of(node, root) = child;
}

static inline struct rb_node *rb_next(const struct rb_node *node)
{
	struct rb_node *next = node->rb_right;

	if (next) {
		while (next->rb_left)
			next = next->rb_left;
		return next;
	}
	next = node->rb_parent;
	while (next && next->rb_right == node) {
		node = next;
		next = next->rb_parent;
	}
	return next;
}

#endif /* CARVE_SHIM_RBTREE_H */
